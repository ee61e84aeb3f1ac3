/**
 * `hold feed`: feeds of the hold's posts that people can subscribe to.
 *
 * @module
 */

import type { FeedSubject } from "../../lib/hold/feeds/feed_names.ts";
import { parseRepository } from "../../lib/oci/name.ts";
import { type Command, type CommandCall, valued } from "../command.ts";
import { didOf, type HoldAppContext, withHold } from "../open_context.ts";

/** Commands about feeds. */
export const FEED_COMMANDS: readonly Command[] = [
  {
    name: "hold feed publish",
    synopsis: "[OWNER[/REPOSITORY]] [--title TEXT] [--description TEXT]",
    doc: "publish the hold's posts, or those about an account or a " +
      "repository, as a Bluesky feed",
    options: {
      title: valued("TEXT", "the name of the feed"),
      description: valued("TEXT", "the description of the feed"),
    },
    operands: [0, 1],
    run: publish,
  },
  {
    name: "hold feed remove",
    synopsis: "[OWNER[/REPOSITORY]]",
    doc: "take such a feed back; the posts stay",
    operands: [0, 1],
    run: remove,
  },
  {
    name: "hold feed list",
    doc: "print the feeds that are published",
    run: list,
  },
];

async function publish(call: CommandCall): Promise<void> {
  const [what = ""] = call.operands;
  await withHold(call.config(), async (ctx) => {
    const subject = await subjectOf(ctx, what);
    const host = new URL(ctx.hold.baseUrl).host;
    const name = what === "" ? host : what;
    const uri = await ctx.hold.feeds.publish(subject, {
      displayName: call.options.get("title") ?? name,
      description: call.options.get("description") ??
        `Container images that were pushed${
          what === "" ? "" : ` of ${what}`
        } to ${host}.`,
    });
    call.print(uri);
  });
}

async function remove(call: CommandCall): Promise<number> {
  const [what = ""] = call.operands;
  return await withHold(call.config(), async (ctx) => {
    const subject = await subjectOf(ctx, what);
    const wasThere = await ctx.hold.feeds.remove(subject);
    call.print(wasThere ? "The feed is removed." : "There is no such feed.");
    return wasThere ? 0 : 1;
  });
}

async function list({ config, print }: CommandCall): Promise<void> {
  await withHold(config(), async ({ hold }) => {
    for (const uri of await hold.feeds.published()) print(uri);
  });
}

async function subjectOf(
  ctx: HoldAppContext,
  what: string,
): Promise<FeedSubject> {
  if (what === "") return {};
  const slash = what.indexOf("/");
  if (slash < 0) return { owner: await didOf(ctx, what) };
  const repository = parseRepository(what.slice(slash + 1));
  return { owner: await didOf(ctx, what.slice(0, slash)), repository };
}
