/** Commands of an operator that change what a running hold shows. */

import assert from "node:assert/strict";
import { z } from "zod";
import { digestOf } from "../../lib/oci/digest.ts";
import { createForger } from "../support/forger.ts";
import { holdDid, holdEnv } from "../support/hold.ts";
import { randomBlob } from "../support/oci.ts";
import { command, startProgram } from "../support/program.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";
import { xrpc, type XrpcRequest } from "../support/xrpc.ts";

const posted = z.object({ postCreated: z.boolean() });
const upload = z.object({ uploadId: z.string() });
const part = z.object({ etag: z.string() });
const feedsOf = z.object({
  did: z.string(),
  feeds: z.array(z.object({ uri: z.string() })),
});
const skeletonOf = z.object({
  feed: z.array(z.object({ post: z.string() })),
});
const documentOf = z.object({
  service: z.array(z.object({
    id: z.string(),
    type: z.string(),
    serviceEndpoint: z.string(),
  })),
});
const failure = z.object({ error: z.string() });

let sandbox: TestSandbox;
Deno.test.beforeAll(async () => {
  sandbox = await startTestSandbox();
});
Deno.test.afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

Deno.test("the account of a hold is deactivated and reactivated by commands while it runs", async () => {
  const port = freePort();
  const env = holdEnv(sandbox, sandbox.alice);
  await using hold = await startProgram({ port, env });
  const did = holdDid(hold.origin);
  const status = async () =>
    (await xrpc(hold.origin, "com.atproto.sync.getRepoStatus", {
      params: { did },
    })).body;
  const active = async () =>
    z.object({ active: z.boolean() }).parse(await status()).active;
  assert.equal(await active(), true);
  const off = await command(hold.env, "hold", "deactivate");
  assert.deepEqual([off.code, off.text], [0, `${did} is deactivated.\n`]);
  const { body } = await xrpc(hold.origin, "com.atproto.sync.getRepo", {
    params: { did },
  });
  assert.equal(failure.parse(body).error, "RepoDeactivated");
  await hold.stop();
  // It starts, also with another configuration, and stays deactivated.
  await using again = await startProgram({
    port,
    dataDir: hold.dataDir,
    env: { ...env, ATCR_HOLD_PUBLIC: "false" },
  });
  assert.deepEqual(await status(), {
    did,
    active: false,
    status: "deactivated",
  });
  assert.match(again.log(), /the account of the hold is deactivated/);
  const doctor = await command(again.env, "doctor");
  assert.match(doctor.text, /warn .*The account is deactivated/);
  const on = await command(again.env, "hold", "activate");
  assert.deepEqual([on.code, on.text], [0, `${did} is active.\n`]);
  assert.equal(await active(), true);
});

Deno.test("content is hidden, and accounts are excluded from posts, by commands while the hold runs", async () => {
  const captain = await createForger(sandbox);
  await using hold = await startProgram({
    port: freePort(),
    env: {
      ...holdEnv(sandbox, captain),
      ATCR_HOLD_ENABLE_BLUESKY_POSTS: "true",
      ATCR_HOLD_PUBLIC: "true",
    },
  });
  const { origin } = hold;
  const aud = holdDid(origin);
  const call = async (method: string, request: XrpcRequest) => {
    const nsid = `io.atcr.hold.${method}`;
    const token = await captain.token(aud, nsid);
    const answer = await xrpc(origin, nsid, { ...request, token });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body;
  };
  const push = async (tag: string) =>
    posted.parse(
      await call("notifyManifest", {
        input: {
          repository: tag,
          userDid: captain.did,
          manifestDigest: digestOf(new TextEncoder().encode(tag)),
          tag,
          manifest: { mediaType: "application/json", layers: [] },
        },
      }),
    ).postCreated;
  const posts = (state: string) =>
    command(hold.env, "hold", "posts", state, captain.did);
  assert.equal(await push("one"), true);
  assert.equal((await posts("off")).code, 0);
  assert.equal(await push("two"), false);
  assert.equal((await posts("on")).code, 0);
  assert.equal(await push("three"), true);

  const feed = (...words: string[]) =>
    command(hold.env, "hold", "feed", ...words);
  const whole = `at://${aud}/app.bsky.feed.generator/hold`;
  assert.deepEqual([(await feed("publish")).text], [`${whole}
`]);
  const one = await feed("publish", `${captain.did}/three`, "--title", "Three");
  assert.equal(one.code, 0, one.text);
  const described = await xrpc(
    origin,
    "app.bsky.feed.describeFeedGenerator",
    {},
  );
  assert.deepEqual(
    feedsOf.parse(described.body).feeds.map(({ uri }) => uri).sort(),
    [whole, one.text.trim()].sort(),
  );
  const lengthOf = async (uri: string) => {
    const skeleton = "app.bsky.feed.getFeedSkeleton";
    const { body } = await xrpc(origin, skeleton, { params: { feed: uri } });
    return skeletonOf.parse(body).feed.length;
  };
  assert.equal(await lengthOf(whole), 2);
  assert.equal(await lengthOf(one.text.trim()), 1);
  const document = await fetch(`${origin}/.well-known/did.json`);
  const { service } = documentOf.parse(await document.json());
  assert.deepEqual(
    service.filter(({ type }) => type === "BskyFeedGenerator"),
    [{ id: "#bsky_fg", type: "BskyFeedGenerator", serviceEndpoint: origin }],
  );
  assert.equal((await feed("remove", `${captain.did}/three`)).code, 0);
  assert.equal((await feed("list")).text, `${whole}\n`);

  const layer = randomBlob(100);
  const { uploadId } = upload.parse(
    await call("initiateUpload", { input: { digest: layer.digest } }),
  );
  const { etag } = part.parse(
    await call("uploadPart", {
      input: layer.bytes,
      headers: { "x-upload-id": uploadId, "x-part-number": "1" },
      method: "PUT",
    }),
  );
  await call("completeUpload", {
    input: { uploadId, digest: layer.digest, parts: [{ partNumber: 1, etag }] },
  });
  const read = async () => {
    const params = { did: aud, cid: layer.digest, method: "HEAD" };
    return (await xrpc(origin, "com.atproto.sync.getBlob", { params })).status;
  };
  assert.equal(await read(), 200);
  const remove = () =>
    command(hold.env, "hold", "blob", "delete", layer.digest);
  assert.deepEqual((await remove()).text, `${layer.digest} is hidden.\n`);
  assert.equal(await read(), 404);
  assert.equal((await remove()).code, 0);
  const allow = () => command(hold.env, "hold", "blob", "allow", layer.digest);
  assert.equal((await allow()).text, `${layer.digest} is readable again.\n`);
  assert.equal(await read(), 200);
  assert.equal((await allow()).code, 1);
});
