/** The AT Protocol client against the reference PDS and a real PLC directory. */

import assert from "node:assert/strict";
import {
  startTestSandbox,
  type TestSandbox,
} from "../../../tests/support/sandbox.ts";
import { type Clock, systemClock } from "../../clock.ts";
import { isAppError } from "../../errors.ts";
import { digestOf } from "../../oci/digest.ts";
import { parseManifest } from "../../oci/manifest.ts";
import { DidResolver } from "../identity/did_resolver.ts";
import {
  createGuardedFetch,
  type GuardedFetch,
} from "../../net/guarded_fetch.ts";
import { HandleResolver } from "../identity/handle_resolver.ts";
import { CachedIdentityResolver } from "../identity/identity_resolver.ts";
import { PasswordSessions } from "./password_session.ts";
import { PdsClient } from "./pds_client.ts";
import { writeManifest, writeTag } from "../records/record_writers.ts";
import { manifestRkey, tagRkey } from "../records/rkeys.ts";
import { SecretBox } from "../../crypto/secret_box.ts";
import { ServiceAuthVerifier } from "../service_auth.ts";
import { silentLogger } from "../../testing_log.ts";
import { openKv } from "../../kv/open_kv.ts";
import type { Kv } from "../../kv/kv.ts";
import { validateRecord } from "../lexicon/testing.ts";

const hold = "did:web:localhost%3A5000";
const mediaType = "application/vnd.oci.image.manifest.v1+json";

/** A clock that a test can set ahead of the PDS's. */
class ShiftedClock implements Clock {
  shift = 0;
  now = () => Date.now() + this.shift;
  sleep = systemClock.sleep;
}

/** Counts the requests to each path. */
function counting(
  fetch: GuardedFetch,
): { fetch: GuardedFetch; paths: string[] } {
  const paths: string[] = [];
  const counted = (input: string | URL | Request, init?: RequestInit) => {
    paths.push(new URL(String(input)).pathname);
    return fetch(input, init);
  };
  return {
    fetch: Object.assign(counted, { close: () => fetch.close() }),
    paths,
  };
}

function client(sandbox: TestSandbox, kv: Kv, clock: Clock) {
  const { fetch, paths } = counting(createGuardedFetch({
    userAgent: "test/1",
    allowedOrigins: [sandbox.pds, sandbox.plc],
  }));
  const log = silentLogger;
  const identities = new CachedIdentityResolver({
    kv,
    clock,
    log,
    ttlMs: 60_000,
    staleTtlMs: 7 * 86_400_000,
    negativeTtlMs: 1000,
    dids: new DidResolver({
      fetch,
      plcDirectories: [sandbox.plc],
      timeoutMs: 5_000,
    }),
    handles: new HandleResolver({
      fetch,
      clock,
      sandboxPds: sandbox.pds,
      timeoutMs: 5_000,
    }),
  });
  const secrets = new SecretBox(new Uint8Array(32).fill(5));
  const sessions = () =>
    new PasswordSessions({ kv, clock, log, fetch, secrets });
  return { fetch, paths, identities, sessions, pds: new PdsClient(fetch) };
}

Deno.test("a reference PDS accepts our writes and returns them", async (t) => {
  await using sandbox = await startTestSandbox();
  const clock = new ShiftedClock();
  const kv = await openKv(":memory:", clock);
  const { fetch, paths, identities, sessions, pds } = client(
    sandbox,
    kv,
    clock,
  );
  const alice = await identities.resolve("Alice.test");
  const passwords = sessions();

  await t.step(
    "a handle resolves to the account and its key, an unknown one does not",
    async () => {
      assert.equal(alice.did, sandbox.alice.did);
      assert.equal(alice.pds, sandbox.pds);
      assert.match(alice.signingKey ?? "", /^did:key:zQ3sh/);
      await assert.rejects(
        identities.resolve("nobody.test"),
        (error) => isAppError(error, "NAME_UNKNOWN"),
      );
    },
  );

  await t.step("a wrong password is refused", async () => {
    await assert.rejects(passwords.login(alice, "wrong-pass-word"), (error) => {
      assert(isAppError(error, "UNAUTHORIZED"));
      assert.match(error.message, /alice\.test.*app password/);
      return true;
    });
  });

  await t.step(
    "manifest and tag arrive in one commit, the bytes unchanged",
    async () => {
      const session = await passwords.login(alice, sandbox.alice.appPassword);
      const bytes = new TextEncoder().encode(
        `{"schemaVersion":2, "mediaType":"${mediaType}","config":{"mediaType":"a/b","digest":"sha256:${
          "0".repeat(64)
        }","size":2},"layers":[] }\n`,
      );
      const digest = digestOf(bytes);
      const manifestBlob = await session.uploadBlob(bytes, mediaType);
      const now = clock.now();
      const rkey = manifestRkey(digest);
      const before = await rev(sandbox, fetch);
      const facts = { repository: "team/app", digest };
      await session.applyWrites([
        {
          action: "create",
          collection: "io.atcr.manifest",
          rkey,
          value: writeManifest({
            ...facts,
            manifest: parseManifest(bytes),
            holdDid: hold,
            manifestBlob,
            createdAt: now,
          }),
        },
        {
          action: "create",
          collection: "io.atcr.tag",
          rkey: tagRkey("team/app", "v1"),
          value: writeTag({
            ...facts,
            did: alice.did,
            tag: "v1",
            mediaType,
            now,
          }),
        },
      ]);
      const record = await pds.getRecord(
        sandbox.pds,
        alice.did,
        "io.atcr.manifest",
        rkey,
      );
      assert.deepEqual(validateRecord("io.atcr.manifest", record?.value), {
        valid: true,
      });
      const tags = await pds.listRecords(sandbox.pds, alice.did, "io.atcr.tag");
      assert.deepEqual(validateRecord("io.atcr.tag", tags.records[0]?.value), {
        valid: true,
      });
      const cid = manifestBlob.ref.$link;
      const blob = await pds.getBlob(sandbox.pds, alice.did, cid, {
        maxBytes: 10_000,
      });
      assert.deepEqual(blob?.bytes, bytes);
      assert.equal(blob.mimeType, mediaType);
      assert.deepEqual(
        (await pds.listCollections(sandbox.pds, alice.did)).sort(),
        ["io.atcr.manifest", "io.atcr.tag"],
      );
      assert.notEqual(await rev(sandbox, fetch), before);
    },
  );

  await t.step("missing records are undefined", async () => {
    const cid = "bafkreibme22gw2h7y2h7tg2fhqotaqjucnbc24deqo72b6mkl2egezxhvy";
    const limits = { maxBytes: 10 };
    assert.equal(
      await pds.getRecord(sandbox.pds, alice.did, "io.atcr.tag", "none"),
      undefined,
    );
    assert.equal(
      await pds.getBlob(sandbox.pds, alice.did, cid, limits),
      undefined,
    );
  });

  await t.step(
    "a create that finds a record is a conflict, and nothing is written",
    async () => {
      const session = await passwords.login(alice, sandbox.alice.appPassword);
      const value = { $type: "io.atcr.tag", repository: "x", tag: "y" };
      const create = (rkey: string) =>
        ({ action: "create", collection: "io.atcr.tag", rkey, value }) as const;
      await assert.rejects(
        session.applyWrites([
          create("x_new"),
          create(tagRkey("team/app", "v1")),
        ]),
        (error) => isAppError(error, "CONFLICT"),
      );
      assert.equal(
        await pds.getRecord(sandbox.pds, alice.did, "io.atcr.tag", "x_new"),
        undefined,
      );
    },
  );

  await t.step("its service tokens pass our check", async () => {
    const session = await passwords.login(alice, sandbox.alice.appPassword);
    const lxm = "io.atcr.hold.notifyManifest";
    const verifier = new ServiceAuthVerifier({
      kv,
      clock,
      identities,
      audience: hold,
      service: "#atcr_hold",
    });
    for (const aud of [hold, `${hold}#atcr_hold`]) {
      const token = await session.serviceToken(aud, lxm);
      assert.equal(await verifier.verify(`Bearer ${token}`, lxm), alice.did);
      await assert.rejects(
        verifier.verify(`Bearer ${token}`, lxm),
        /used before/,
      );
    }
  });

  await t.step(
    "twenty calls with an expired token cause one refresh",
    async () => {
      clock.shift = 3 * 3_600_000;
      const instances = [passwords, sessions()];
      const restored = await Promise.all(
        Array.from(
          { length: 20 },
          (_, i) => instances[i % 2]?.restore(alice.did),
        ),
      );
      const value = {
        $type: "io.atcr.sailor.profile",
        createdAt: new Date().toISOString(),
      };
      await Promise.all(
        restored.map((session) =>
          session?.putRecord("io.atcr.sailor.profile", "self", value)
        ),
      );
      const count = (nsid: string) =>
        paths.filter((path) => path === `/xrpc/${nsid}`).length;
      assert.equal(count("com.atproto.server.refreshSession"), 1);
      assert.equal(count("com.atproto.repo.putRecord"), 20);
      assert.equal(count("com.atproto.server.createSession"), 2);
      clock.shift = 0;
    },
  );

  await t.step(
    "without the PDS, writes fail with a sentence and identities stay cached",
    async () => {
      const session = await passwords.restore(alice.did);
      await sandbox.stop();
      await assert.rejects(
        session?.deleteRecord("io.atcr.tag", "x") ?? Promise.resolve(),
        (error) => {
          assert(isAppError(error, "UNAVAILABLE"));
          assert.match(error.message, /PDS at localhost/);
          return true;
        },
      );
      clock.shift = 3_600_000;
      assert.equal((await identities.resolve("alice.test")).did, alice.did);
    },
  );

  fetch.close();
  kv.close();
});

/** Revision of alice's repo. */
async function rev(
  sandbox: TestSandbox,
  fetch: GuardedFetch,
): Promise<unknown> {
  const url = new URL("/xrpc/com.atproto.sync.getLatestCommit", sandbox.pds);
  url.searchParams.set("did", sandbox.alice.did);
  return (await (await fetch(url)).json()).rev;
}
