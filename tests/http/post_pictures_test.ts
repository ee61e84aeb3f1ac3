/** Posts of a hold about pushes, with the picture of what was pushed. */

import assert from "node:assert/strict";
import { z } from "zod";
import { call, expect, repositoriesOf } from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";
import { xrpc } from "../support/xrpc.ts";

const server = sharedServer({
  env: { ATCR_HOLD_ENABLE_BLUESKY_POSTS: "true" },
});
const alices = repositoriesOf(server, "alice");

const posts = z.object({
  records: z.array(z.object({
    value: z.object({
      text: z.string(),
      embed: z.object({
        external: z.object({
          uri: z.string(),
          thumb: z.object({
            ref: z.object({ $link: z.string() }),
            mimeType: z.literal("image/png"),
            size: z.int(),
          }),
        }),
      }),
    }),
  })),
});

/** Width and height in the head of a PNG. */
function sizeOfPng(bytes: Uint8Array): [number, number] {
  assert.equal(new TextDecoder().decode(bytes.slice(1, 4)), "PNG");
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(16), view.getUint32(20)];
}

Deno.test("a push becomes one post that links to the repository, with its picture as a blob of the hold", async () => {
  await alices("posted").pushImage("v1");
  const { origin } = server();
  const { id: repo } = z.object({ id: z.string() }).parse(
    await (await fetch(`${origin}/.well-known/did.json`)).json(),
  );
  const read = async () => {
    const params = { repo, collection: "app.bsky.feed.post" };
    const { body } = await xrpc(origin, "com.atproto.repo.listRecords", {
      params,
    });
    return body;
  };
  await until(
    async () => JSON.stringify(await read()).includes("posted"),
    read,
  );
  const { records } = posts.parse(await read());
  assert.equal(records.length, 1);
  const [post] = records;
  assert.ok(post);
  const { uri, thumb } = post.value.embed.external;
  assert.equal(new URL(uri).pathname, "/r/alice.test/posted");
  const query = new URLSearchParams({ did: repo, cid: thumb.ref.$link });
  const blob = expect(
    await call(`${origin}/xrpc/com.atproto.sync.getBlob?${query}`, "GET"),
    200,
  );
  assert.equal(blob.bytes.byteLength, thumb.size);
  assert.ok(thumb.size <= 1_000_000);
  assert.deepEqual(sizeOfPng(blob.bytes), [1200, 630]);
});
