/** Garbage collection with manifests from a reference PDS. */

import assert from "node:assert/strict";
import { z } from "zod";
import type { Did } from "../did.ts";
import {
  createAccount,
  startTestSandbox,
} from "../../tests/support/sandbox.ts";
import { xrpc } from "../../tests/support/xrpc.ts";
import { createGuardedFetch } from "../net/guarded_fetch.ts";
import type { IdentityResolver } from "../atproto/identity/identity.ts";
import { PdsClient } from "../atproto/pds/pds_client.ts";
import { AppError } from "../errors.ts";
import { blobsOf } from "../hold/pushes/push_content.ts";
import { digestOf } from "../oci/digest.ts";
import { manifestSource } from "./manifest_source.ts";
import { identityOf } from "../atproto/identity/testing_identity.ts";

const HOLD: Did = "did:web:hold.example.com";
const NOBODY: Did = "did:plc:nobodynobodynobodynobody";
const IMAGE = "application/vnd.oci.image.manifest.v1+json";
const INDEX = "application/vnd.oci.image.index.v1+json";

const digest = (text: string) => digestOf(new TextEncoder().encode(text));
const session = z.object({ accessJwt: z.string() });
const uploaded = z.object({ blob: z.record(z.string(), z.unknown()) });

Deno.test("the repo of an owner lists its manifests, and counts as deleted only when the PDS confirms it", async (t) => {
  await using sandbox = await startTestSandbox();
  const carol = await createAccount(sandbox, "carol.test");
  const callWith =
    (token: string | undefined) => async (nsid: string, input?: unknown) =>
      (await xrpc(sandbox.pds, nsid, { token, input, method: "POST" })).body;
  const { accessJwt: token } = session.parse(
    await callWith(undefined)("com.atproto.server.createSession", {
      identifier: carol.handle,
      password: carol.password,
    }),
  );
  const call = callWith(token);
  let pds: string | undefined = sandbox.pds;
  const identities: IdentityResolver = {
    resolve: (did) =>
      did === NOBODY && pds === undefined
        ? Promise.reject(new AppError("NAME_UNKNOWN", "There is none."))
        : Promise.resolve(identityOf(did as Did, { pds })),
    forget: () => Promise.resolve(),
  };
  const fetch = createGuardedFetch({
    userAgent: "test/1",
    allowedOrigins: [sandbox.pds],
  });
  const source = manifestSource({
    identities,
    pds: new PdsClient(fetch),
    maxManifestBytes: 1_000_000,
  });
  const read = async (did: Did) => {
    const found = new Map<string, readonly string[] | undefined>();
    for await (const manifest of source.manifestsOf(did)) {
      assert.equal(manifest.holdDid, HOLD);
      const contents = await manifest.contents();
      found.set(manifest.digest, contents && blobsOf(contents));
    }
    return found;
  };
  const did = carol.did as Did;
  const write = (name: string, fields: Record<string, unknown>) =>
    call("com.atproto.repo.putRecord", {
      repo: did,
      collection: "io.atcr.manifest",
      // Other services use their own keys.
      rkey: name,
      record: {
        $type: "io.atcr.manifest",
        repository: "app",
        digest: digest(name),
        holdDid: HOLD,
        mediaType: IMAGE,
        ...fields,
      },
    });
  const descriptor = (text: string) => ({
    mediaType: "application/octet-stream",
    digest: digest(text),
    size: 10,
  });
  await write("listed", {
    config: descriptor("config"),
    layers: [descriptor("one"), descriptor("two")],
  });
  await write("index", {
    mediaType: INDEX,
    manifests: [descriptor("listed")],
  });
  await write("lost", {});
  const bytes = new TextEncoder().encode(JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: descriptor("config"),
    layers: [descriptor("three")],
    blobs: [descriptor("four")],
  }));
  const answer = await globalThis.fetch(
    `${sandbox.pds}/xrpc/com.atproto.repo.uploadBlob`,
    {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": IMAGE },
      body: bytes,
    },
  );
  const { blob: manifestBlob } = uploaded.parse(await answer.json());
  await write("bytes", { digest: digestOf(bytes), manifestBlob });

  await t.step(
    "blobs are read from records, or else from the bytes, and are unknown without both",
    async () => {
      assert.deepEqual(
        await read(did),
        new Map([
          [digest("listed"), ["config", "one", "two"].map(digest)],
          [digest("index"), []],
          [digest("lost"), undefined],
          [digestOf(bytes), ["config", "three"].map(digest)],
        ]),
      );
    },
  );
  await t.step(
    "digests in the bytes are reported from any field",
    async () => {
      const named: Record<string, unknown> = {};
      for await (const manifest of source.manifestsOf(did)) {
        const found = await manifest.named();
        named[manifest.digest] = found && [...found].sort();
      }
      assert.deepEqual(named, {
        [digest("listed")]: undefined,
        [digest("index")]: undefined,
        [digest("lost")]: undefined,
        [digestOf(bytes)]: ["config", "three", "four"].map(digest).sort(),
      });
    },
  );
  await t.step(
    "an account unknown to its PDS has nothing",
    async () => {
      assert.equal((await read(NOBODY)).size, 0);
    },
  );
  await t.step(
    "a DID unknown to the directory has nothing",
    async () => {
      pds = undefined;
      assert.equal((await read(NOBODY)).size, 0);
      await assert.rejects(read(did), { code: "UPSTREAM_FAILED" });
      pds = sandbox.pds;
    },
  );
  await t.step("a deactivated account does not count as deleted", async () => {
    await call("com.atproto.server.deactivateAccount", {});
    await assert.rejects(read(did), { code: "UPSTREAM_FAILED" });
    await call("com.atproto.server.activateAccount");
    assert.equal((await read(did)).size, 4);
  });
  await t.step(
    "an account whose PDS is down does not count as deleted",
    async () => {
      await sandbox.stop();
      await assert.rejects(read(did), { code: "UNAVAILABLE" });
    },
  );
  fetch.close();
});
