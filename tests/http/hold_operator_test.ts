/** Operation of a hold: commands, identity, readiness. */

import assert from "node:assert/strict";
import { decodeFrame } from "../support/sync_verifier.ts";
import { holdDid, holdEnv } from "../support/hold.ts";
import { randomBlob } from "../support/oci.ts";
import { command, startProgram } from "../support/program.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";
import { openTestRepo } from "../support/repo.ts";
import { until } from "../support/until.ts";
import { xrpc } from "../support/xrpc.ts";

let sandbox: TestSandbox;
Deno.test.beforeAll(async () => {
  sandbox = await startTestSandbox();
});
Deno.test.afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

/** JSON of a method of the hold at `origin`. */
async function ask(
  origin: string,
  method: string,
  query: Record<string, string> = {},
) {
  const url = `${origin}/xrpc/${method}?${new URLSearchParams(query)}`;
  const response = await fetch(url);
  return { status: response.status, body: await response.json() };
}

async function members(origin: string, repo: string): Promise<string[]> {
  const { body } = await ask(origin, "com.atproto.repo.listRecords", {
    repo,
    collection: "io.atcr.hold.crew",
  });
  return body.records.map((
    { value }: { value: { member: string; permissions: string[] } },
  ) => `${value.member} ${value.permissions.join(",")}`);
}

Deno.test("the crew is changed by commands while the hold runs, and consumers receive the events", async () => {
  await using hold = await startProgram({
    port: freePort(),
    env: holdEnv(sandbox, sandbox.alice),
  });
  const did = holdDid(hold.origin);
  const socket = new WebSocket(
    `${hold.origin.replace("http", "ws")}/xrpc/com.atproto.sync.subscribeRepos`,
  );
  socket.binaryType = "arraybuffer";
  const heard = Promise.withResolvers<unknown>();
  socket.onmessage = ({ data }) =>
    heard.resolve(decodeFrame(new Uint8Array(data)).body);
  await new Promise((resolve) => socket.onopen = resolve);

  const crew = ["hold", "crew"] as const;
  const added = await command(
    hold.env,
    ...crew,
    "add",
    sandbox.bob.did,
    "--permissions",
    "blob:read",
  );
  assert.deepEqual([added.code, added.errors], [0, ""]);
  assert.ok(
    (await members(hold.origin, did)).includes(`${sandbox.bob.did} blob:read`),
  );
  const event = await heard.promise;
  assert.match(JSON.stringify(event), /io\.atcr\.hold\.crew\//);
  const listed = await command(hold.env, ...crew, "list");
  assert.match(
    listed.text,
    new RegExp(`${sandbox.bob.did}  member  blob:read`),
  );
  const gone = await command(hold.env, ...crew, "remove", sandbox.bob.did);
  assert.equal(gone.code, 0);
  assert.equal((await members(hold.origin, did)).length, 1);
  const again = await command(hold.env, ...crew, "remove", sandbox.bob.did);
  assert.equal(again.code, 1);
  const captain = await command(hold.env, ...crew, "remove", sandbox.alice.did);
  assert.equal(captain.code, 1);
  assert.match(captain.errors, /is the captain of this hold/);
  socket.close();
});

Deno.test("a repo moves to another hold as a file", async () => {
  const folder = await Deno.makeTempDir();
  const env = (name: string) => ({
    ...holdEnv(sandbox, sandbox.alice),
    ATCR_DATA_DIR: `${folder}/${name}`,
  });
  const path = `${folder}/hold.car`;
  await command(env("a"), "hold", "crew", "add", sandbox.bob.did);
  const { repo, kv } = await openTestRepo();
  await repo.apply([{
    action: "create",
    collection: "io.atcr.hold.layer",
    value: {
      digest: randomBlob(10).digest,
      size: 12_345,
      mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
      manifest: `at://${sandbox.bob.did}/io.atcr.manifest/abc`,
      userDid: sandbox.bob.did,
      createdAt: new Date().toISOString(),
    },
  }]);
  const layers = `${folder}/layers.car`;
  await Deno.writeFile(layers, await repo.car.export());
  repo.close();
  kv.close();
  const exported = await command(env("a"), "repo", "export");
  await Deno.writeFile(path, exported.bytes);
  const imported = await command(env("b"), "repo", "import", path);
  assert.deepEqual([imported.code, imported.errors], [0, ""]);
  assert.equal(imported.text, `${path}: 1 records are in the hold.\n`);
  const crew = await command(env("b"), "hold", "crew", "list");
  assert.match(crew.text, new RegExp(sandbox.bob.did));
  // Stored content counts at once, for quotas as well.
  assert.equal((await command(env("b"), "repo", "import", layers)).code, 0);
  const hold = await startProgram({ port: freePort(), env: env("b") });
  const { body } = await xrpc(hold.origin, "io.atcr.hold.getQuota", {
    params: { userDid: sandbox.bob.did },
  });
  await hold.stop();
  assert.deepEqual(body, {
    userDid: sandbox.bob.did,
    uniqueBlobs: 1,
    totalSize: 12_345,
  });
  await Deno.writeTextFile(path, "no CAR");
  const broken = await command(env("b"), "repo", "import", path);
  assert.equal(broken.code, 1);
  assert.match(broken.errors, /is not a CAR of a repo/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("doctor finds nothing on a healthy hold, and the problems of others", async () => {
  const port = freePort();
  await using hold = await startProgram({
    port,
    env: holdEnv(sandbox, sandbox.alice),
  });
  const healthy = await command(hold.env, "doctor");
  assert.equal(healthy.code, 0, healthy.text);
  assert.match(
    healthy.text,
    /ok +hold identity +did:web:localhost%3A\d+ leads/,
  );
  assert.match(healthy.text, /Nothing needs fixing/);

  // Another store creates another key, while the network knows the first one.
  const folder = await Deno.makeTempDir();
  const stranger = await command(
    { ...hold.env, ATCR_DATA_DIR: folder },
    "doctor",
  );
  assert.equal(stranger.code, 1);
  assert.match(stranger.text, /fail +hold identity .*another signing key/);

  await hold.stop();
  const { port: closed } = { port: freePort() };
  const down = await command({
    ...hold.env,
    ATCR_DATA_DIR: folder,
    S3_BUCKET: "none",
    S3_ENDPOINT: `http://127.0.0.1:${closed}`,
    AWS_ACCESS_KEY_ID: "x",
    AWS_SECRET_ACCESS_KEY: "y",
  }, "doctor");
  assert.equal(down.code, 1);
  assert.match(down.text, /fail +storage +.*127\.0\.0\.1/);
  assert.match(down.text, /warn +server +Nobody answers/);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("without its storage a hold starts, is not ready and logs the reason", async () => {
  await using hold = await startProgram({
    port: freePort(),
    env: {
      ...holdEnv(sandbox, sandbox.alice),
      S3_BUCKET: "images",
      S3_ENDPOINT: `http://127.0.0.1:${freePort()}`,
      AWS_ACCESS_KEY_ID: "x",
      AWS_SECRET_ACCESS_KEY: "very-secret",
    },
  });
  const response = await fetch(`${hold.origin}/readyz`);
  assert.equal(response.status, 503);
  const { status, checks } = await response.json();
  assert.equal(status, "not ready");
  assert.equal(checks.kv, "ok");
  assert.equal(checks.storage, "failed");
  await until(() => /not ready.*127\.0\.0\.1/.test(hold.log()), hold.log);
  assert.ok(!hold.log().includes("very-secret"));
  // What needs no storage works.
  const did = holdDid(hold.origin);
  const { body } = await ask(hold.origin, "com.atproto.sync.getLatestCommit", {
    did,
  });
  assert.match(body.rev, /^[2-7a-z]{13}$/);
});

Deno.test("a did:plc is created once and follows the address of its hold", async () => {
  const dataDir = await Deno.makeTempDir();
  const env = {
    ...holdEnv(sandbox, sandbox.alice),
    ATCR_HOLD_DID_METHOD: "plc",
  };
  const dids = new Set<string>();
  for (const port of [freePort(), freePort()]) {
    await using hold = await startProgram({ port, dataDir, env });
    const { body } = await ask(hold.origin, "com.atproto.sync.listRepos");
    const [{ did }] = body.repos;
    dids.add(did);
    assert.match(did, /^did:plc:/);
    const document = await (await fetch(`${sandbox.plc}/${did}`)).json();
    const endpoints = document.service.map((
      { id, serviceEndpoint }: { id: string; serviceEndpoint: string },
    ) => `${id} ${serviceEndpoint}`);
    assert.deepEqual(endpoints.sort(), [
      `#atcr_hold ${hold.origin}`,
      `#atproto_pds ${hold.origin}`,
      `#bsky_fg ${hold.origin}`,
    ]);
    const name = await fetch(`${hold.origin}/.well-known/atproto-did`);
    assert.equal(await name.text(), did);
    const web = await fetch(`${hold.origin}/.well-known/did.json`);
    assert.equal(web.status, 404);
    await web.body?.cancel();
    const doctor = await command(hold.env, "doctor");
    assert.equal(doctor.code, 0, doctor.text);
  }
  assert.equal(dids.size, 1);
  await Deno.remove(dataDir, { recursive: true });
});

Deno.test("a captain record names the hold that takes its place", async () => {
  const successor = "did:web:new.example.com";
  await using hold = await startProgram({
    port: freePort(),
    env: {
      ...holdEnv(sandbox, sandbox.alice),
      ATCR_HOLD_SUCCESSOR: successor,
      ATCR_HOLD_REGION: "the cellar",
    },
  });
  const { body } = await ask(hold.origin, "com.atproto.repo.getRecord", {
    repo: holdDid(hold.origin),
    collection: "io.atcr.hold.captain",
    rkey: "self",
  });
  assert.equal(body.value.successor, successor);
  assert.equal(body.value.region, "the cellar");
  assert.equal(body.value.owner, sandbox.alice.did);
});

Deno.test("a hold that posts has a profile with its picture, and starts without it", async () => {
  const png = Uint8Array.from([
    ...[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    ...new Uint8Array(100),
  ]);
  const end = new AbortController();
  const pictures = Deno.serve(
    {
      port: 0,
      hostname: "127.0.0.1",
      onListen: () => {},
      signal: end.signal,
    },
    () => new Response(png, { headers: { "content-type": "image/png" } }),
  );
  const origin = `http://127.0.0.1:${pictures.addr.port}`;
  const dataDir = await Deno.makeTempDir();
  const env = {
    ...holdEnv(sandbox, sandbox.alice),
    ATCR_IDENTITY_PLAIN_ORIGINS: `${sandbox.pds},${origin}`,
    HOLD_BLUESKY_POSTS_ENABLED: "true",
  };
  const profile = async (url: string, dressed: boolean) => {
    await using hold = await startProgram({
      port: freePort(),
      dataDir,
      env: { ...env, HOLD_PROFILE_AVATAR: url },
    });
    const query = {
      repo: holdDid(hold.origin),
      collection: "app.bsky.actor.profile",
      rkey: "self",
    };
    for (let i = 0; i < 1000; i++) {
      const found = await ask(
        hold.origin,
        "com.atproto.repo.getRecord",
        query,
      );
      const { value } = found.body;
      if (value && ("avatar" in value || !dressed)) return value;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.fail(hold.log());
  };
  const bare = await profile("http://169.254.169.254/latest/meta-data", false);
  assert.equal(bare.avatar, undefined);
  const dressed = await profile(`${origin}/hold.png`, true);
  assert.equal(dressed.avatar.mimeType, "image/png");
  assert.equal(dressed.avatar.size, png.length);
  end.abort();
  await pictures.finished;
  await Deno.remove(dataDir, { recursive: true });
});
