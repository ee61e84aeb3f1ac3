/**
 * `hold blob delete` and `hold posts`: what an operator does when somebody
 * complains of content, or of being named.
 *
 * @module
 */

import { parseDigest } from "../lib/oci/digest.ts";
import type { Command, CommandCall } from "./command.ts";
import { didOf, withHold } from "./open_context.ts";

/** Commands about what the hold shows. */
export const CONTENT_COMMANDS: readonly Command[] = [
  {
    name: "hold blob delete",
    synopsis: "DIGEST",
    doc: "hide a blob at once; hold gc removes it a week later",
    operands: [1, 1],
    run: deleteBlob,
  },
  {
    name: "hold posts off",
    synopsis: "WHO",
    doc: "make no posts about the pushes of somebody who does not want them",
    operands: [1, 1],
    run: (call) => setPosts(call, false),
  },
  {
    name: "hold posts on",
    synopsis: "WHO",
    doc: "make posts about the pushes of somebody again",
    operands: [1, 1],
    run: (call) => setPosts(call, true),
  },
];

async function deleteBlob(call: CommandCall): Promise<number> {
  const digest = parseDigest(call.operands[0] ?? "");
  return await withHold(call.config(), async ({ hold }) => {
    const there = await hold.blobs.stat(digest) !== undefined;
    if (there) await hold.blobs.delete(digest);
    call.print(there ? `${digest} is hidden.` : `${digest} is not here.`);
    return there ? 0 : 1;
  });
}

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
