/** Refresh tokens are valid once: two processes must not use one twice. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import type { Did } from "../../lib/did.ts";
import { SecretBox } from "../../lib/crypto/secret_box.ts";
import { SessionStore } from "../../lib/auth/oauth/stores.ts";
import { systemClock as clock } from "../../lib/clock.ts";
import { SECRET, startAuthApp } from "../support/auth_app.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { openKv } from "../../lib/kv/open_kv.ts";

const PUSHES = 20;
const INSTANCE = new URL("instance.ts", import.meta.url).pathname;

/** Number of refresh tokens used at the PDS so far. */
function refreshesAt({ dataDir }: TestSandbox): number {
  const path = `${dataDir}/pds/account.sqlite`;
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const row = db.prepare("select count(*) as n from used_refresh_token")
      .get();
    return Number(row?.n);
  } finally {
    db.close();
  }
}

/** Starts a server; its port, and how to end it. */
async function startInstance(sandbox: TestSandbox, folder: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", INSTANCE, sandbox.pds, sandbox.plc, folder],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  const port = Number(new TextDecoder().decode(value));
  assert.ok(port > 0, "the server did not start");
  return {
    origin: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      await child.stdin.close();
      await child.stdout.cancel();
      await child.status;
    },
  };
}

const digest = (bytes: Uint8Array) =>
  `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** Pushes an image of one small config; the statuses of its requests. */
async function push(
  origin: string,
  secret: string,
  repo: string,
): Promise<number[]> {
  const scope = `repository:alice.test/${repo}:pull,push`;
  const basic = Buffer.from(`alice.test:${secret}`).toString("base64");
  const issued = await fetch(`${origin}/auth/token?scope=${scope}`, {
    headers: { authorization: `Basic ${basic}` },
  });
  const { token } = await issued.json();
  const authorization = `Bearer ${token}`;
  const base = `${origin}/v2/alice.test/${repo}`;
  const config = new TextEncoder().encode(JSON.stringify({ repo }));
  const blob = await fetch(
    `${base}/blobs/uploads/?digest=${digest(config)}`,
    { method: "POST", headers: { authorization }, body: config },
  );
  await blob.body?.cancel();
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = await fetch(`${base}/manifests/latest`, {
    method: "PUT",
    headers: { authorization, "content-type": type },
    body: JSON.stringify({
      schemaVersion: 2,
      mediaType: type,
      config: {
        mediaType: "application/vnd.oci.image.config.v1+json",
        digest: digest(config),
        size: config.length,
      },
      layers: [],
    }),
  });
  await manifest.body?.cancel();
  return [issued.status, blob.status, manifest.status];
}

Deno.test("twenty pushes over an expired token in two processes make one refresh at the PDS and lose no session", async () => {
  await using sandbox = await startTestSandbox();
  const did = sandbox.alice.did as Did;
  const folder = await Deno.makeTempDir({ prefix: "atcr-refresh-" });
  try {
    const kv = await openKv(`${folder}/kv.sqlite3`, clock);
    let secret: string;
    {
      await using app = await startAuthApp(sandbox, { kv });
      await app.browser().signIn(sandbox.alice);
      await app.ctx.auth.signIn.settled();
      const made = await app.ctx.auth.devices.create({
        did,
        name: "ci",
        kind: "token",
        permissions: [{ pattern: "*", actions: ["pull", "push"] }],
        lifetimeDays: 7,
      });
      secret = made.secret;
    }
    const box = new SecretBox(Buffer.from(SECRET, "hex"));
    const store = new SessionStore({ kv, clock, box });
    const session = await store.get(did);
    assert.ok(session);
    const { tokenSet } = session;
    const expired = new Date(clock.now() - 1000).toISOString();
    await store.set(did, {
      ...session,
      tokenSet: { ...tokenSet, expires_at: expired },
    });
    kv.close();

    await using first = await startInstance(sandbox, folder);
    await using second = await startInstance(sandbox, folder);
    const before = refreshesAt(sandbox);
    const results = await Promise.all(
      Array.from({ length: PUSHES }, (_, at) => {
        const { origin } = at % 2 === 0 ? first : second;
        return push(origin, secret, `app${at}`);
      }),
    );
    assert.deepEqual(results, Array(PUSHES).fill([200, 201, 201]));
    assert.equal(refreshesAt(sandbox) - before, 1);
    // The session continues afterwards, on both.
    for (const { origin } of [first, second]) {
      assert.deepEqual(await push(origin, secret, "after"), [200, 201, 201]);
    }
    assert.equal(refreshesAt(sandbox) - before, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
