/**
 * `hold blob delete`, `hold blob allow` and `hold posts`: for complaints about
 * content or about posts that name an account.
 *
 * @module
 */

import { parseDigest } from "../lib/oci/digest.ts";
import type { Command, CommandCall } from "./command.ts";
import { didOf, withHold } from "./open_context.ts";

/** Commands about the hold's content. */
export const CONTENT_COMMANDS: readonly Command[] = [
  {
    name: "hold blob delete",
    synopsis: "DIGEST",
    doc:
      "hide a blob at once and refuse pushes of it; hold gc removes its bytes a week later",
    operands: [1, 1],
    run: deleteBlob,
  },
  {
    name: "hold blob allow",
    synopsis: "DIGEST",
    doc: "allow a blob again that hold blob delete hid",
    operands: [1, 1],
    run: allowBlob,
  },
  {
    name: "hold posts off",
    synopsis: "WHO",
    doc: "stop posting about the pushes of an account",
    operands: [1, 1],
    run: (call) => setPosts(call, false),
  },
  {
    name: "hold posts on",
    synopsis: "WHO",
    doc: "post about the pushes of an account again",
    operands: [1, 1],
    run: (call) => setPosts(call, true),
  },
];

async function deleteBlob(call: CommandCall): Promise<number> {
  const digest = parseDigest(call.operands[0] ?? "");
  return await withHold(call.config(), async ({ hold }) => {
    const there = await hold.blobs.remove(digest);
    call.print(
      there ? `${digest} is hidden.` : `${digest} is not in this hold.`,
    );
    return there ? 0 : 1;
  });
}

async function allowBlob(call: CommandCall): Promise<number> {
  const digest = parseDigest(call.operands[0] ?? "");
  return await withHold(call.config(), async ({ hold }) => {
    const outcome = await hold.blobs.allow(digest);
    call.print(`${digest} ${ALLOWED[outcome ?? "none"]}`);
    return outcome === undefined ? 1 : 0;
  });
}

const ALLOWED = {
  live: "is readable again.",
  gone: "may be pushed again; its bytes were deleted.",
  none: "was not hidden by hold blob delete.",
};

async function setPosts(call: CommandCall, on: boolean): Promise<void> {
  const [who = ""] = call.operands;
  await withHold(call.config(), async (ctx) => {
    const did = await didOf(ctx, who);
    await ctx.hold.posts.setOptOut(did, !on);
    call.print(
      `${on ? "Posts" : "No posts"} are made about pushes of ${did}.`,
    );
  });
}
