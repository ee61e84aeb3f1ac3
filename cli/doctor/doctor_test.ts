import assert from "node:assert/strict";
import { loadConfig } from "../../lib/config/config.ts";
import { type AppContext, createContext } from "../../lib/context.ts";
import { operatorMessage } from "../../lib/errors.ts";
import { lastBackupKey } from "../../lib/kv/keys.ts";
import { setReadOnly } from "../../lib/kv/operating/read_only.ts";
import { digestOf } from "../../lib/oci/digest.ts";
import { silentLogger } from "../../lib/testing_log.ts";
import { CHECKS } from "./doctor_checks.ts";

const OWNER = "did:plc:captaincaptaincaptaincap";
const HOLD = "did:web:hold.example.com";
const HOUR = 3_600_000;

/** The program with a store in memory, without a network. */
async function open(env: Record<string, string> = {}) {
  const dataDir = await Deno.makeTempDir();
  const config = loadConfig({
    args: [],
    env: {
      ATCR_DATA_DIR: dataDir,
      ATCR_KV_URL: ":memory:",
      ATCR_SANDBOX: "off",
      ATCR_SERVER_TEST_MODE: "true",
      ATCR_SERVER_BASE_URL: "http://localhost:5999",
      ATCR_HOLD_OWNER: OWNER,
      ...env,
    },
    readTextFile: (path) => Deno.readTextFileSync(path),
  });
  const ctx = await createContext(config, silentLogger);
  const { hold } = ctx;
  assert.ok(hold);
  return {
    ctx,
    hold,
    [Symbol.asyncDispose]: async () => {
      ctx.close();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}

/** `whole` with some of its parts replaced by broken ones. */
function broken<T extends object>(
  whole: T,
  parts: Readonly<Record<string, unknown>>,
): T {
  const own = Object.entries(parts).map(([name, value]) =>
    [name, { value }] as const
  );
  return Object.create(whole, Object.fromEntries(own));
}

/** The findings of a check, each as its level and sentence. */
async function check(name: string, ctx: AppContext): Promise<string[]> {
  const found = CHECKS.find((one) => one.name === name);
  assert.ok(found, name);
  try {
    const findings = await found.run(ctx);
    return findings.map(({ level, sentence }) => `${level} ${sentence}`);
  } catch (error) {
    return [`error ${operatorMessage(error)}`];
  }
}

/** Asserts that exactly one finding fits each pattern, in this order. */
async function finds(name: string, ctx: AppContext, ...patterns: RegExp[]) {
  const findings = await check(name, ctx);
  assert.equal(findings.length, patterns.length, findings.join("\n"));
  for (const [i, pattern] of patterns.entries()) {
    assert.match(findings[i] ?? "", pattern);
  }
}

const answering = (status: number, body = "{}", headers = {}) => () =>
  Promise.resolve(new Response(body, { status, headers }));

/** Identities as the network has them. */
const known = (identity: Record<string, unknown>) => ({
  forget: () => Promise.resolve(),
  resolve: () => Promise.resolve(identity),
});

Deno.test("a store that loses rows, and one that only reads, are found", async () => {
  await using rig = await open();
  const { ctx } = rig;
  await finds("key-value store", ctx, /^ok /);
  const lossy = broken(ctx, {
    kv: {
      set: () => Promise.resolve(),
      get: () => Promise.resolve(undefined),
      atomic: () => ctx.kv.atomic(),
    },
  });
  await finds("key-value store", lossy, /^error .*could not be read back/);
  await finds("rows", ctx, /^ok They have the schema/);
  await setReadOnly(ctx.kv, ctx.clock, true);
  await finds("rows", ctx, /^ok /, /^warn Clients can only read/);
});

Deno.test("a missing and an old backup are found, on a public server only", async () => {
  await using rig = await open();
  const { ctx } = rig;
  await finds("last backup", ctx);
  const server = broken(ctx.config.server, { public: true });
  const listed = broken(ctx, { config: broken(ctx.config, { server }) });
  await finds("last backup", listed, /^warn There is none; run backup/);
  await ctx.kv.set(lastBackupKey, { at: ctx.clock.now() - 27 * HOUR });
  await finds("last backup", listed, /^warn It is of .*; run backup/);
  await ctx.kv.set(lastBackupKey, { at: ctx.clock.now() - HOUR });
  await finds("last backup", listed, /^ok It is of/);
});

Deno.test("a storage that changes bytes, and signed addresses that do not work, are found", async () => {
  await using rig = await open();
  const { ctx } = rig;
  await finds("storage", ctx, /^ok .*filesystem/);
  const { store } = ctx;
  const parts = {
    driver: "s3",
    check: () => Promise.resolve(),
    put: store.put.bind(store),
    delete: store.delete.bind(store),
  };
  const wrong = broken(store, {
    ...parts,
    get: () => Promise.resolve({ body: new Response("other").body }),
  });
  await finds("storage", broken(ctx, { store: wrong }), /^fail .*other bytes/);
  await using closed = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("no", { status: 403 }),
  );
  const signing = (port: number) =>
    broken(ctx, {
      store: broken(store, {
        ...parts,
        get: store.get.bind(store),
        presignGet: () => Promise.resolve({ url: `http://127.0.0.1:${port}/` }),
      }),
    });
  const refused = signing(closed.addr.port);
  await finds("storage", refused, /^ok /, /^fail A signed .* status 403/);
  await finds("storage", signing(1), /^ok /, /^fail Nobody answers at/);
});

Deno.test("a bucket of pictures that its readers cannot reach is found", async () => {
  await using rig = await open();
  const { ctx } = rig;
  const avatar = broken(ctx.config.avatar, { public_host: "cdn.example" });
  const config = broken(ctx.config, { avatar });
  const reaching = (state: string, rest = {}) =>
    broken(ctx, {
      avatars: {
        publicReach: () => Promise.resolve({ state, sentence: "So." }),
      },
      ...rest,
    });
  await finds("pictures", reaching("open"), /^ok So/);
  await finds("pictures", reaching("closed"), /^warn So/);
  await finds("pictures", reaching("closed", { config }), /^fail So/);
});

Deno.test("blobs that are damaged, known or not, are found", async () => {
  await using rig = await open();
  const { ctx, hold } = rig;
  const bytes = crypto.getRandomValues(new Uint8Array(500));
  const digest = digestOf(bytes);
  const hex = digest.slice("sha256:".length);
  const key = `${ctx.config.storage.prefix ?? "docker/registry/v2"}` +
    `/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
  await ctx.store.put(key, bytes);
  assert.deepEqual(await hold.blobs.stat(digest), { size: 500 });
  await finds("stored content", ctx, /^ok A sample of \d+ items is intact/);
  await finds("last scrub", ctx, /^ok No scrub has run yet/);
  await ctx.store.put(key, bytes.toReversed());
  await finds(
    "stored content",
    ctx,
    /^fail Of a sample .*blobs sha256.*digest/,
  );
  await ctx.scrubber.run({ bytesPerSecond: 1e9 });
  await finds("last scrub", ctx, /./, /^fail Damaged blobs are hidden: sha256/);
});

Deno.test("a wrong clock, a directory that is down, and a server that is not ready are found", async () => {
  await using rig = await open();
  const { ctx } = rig;
  const directory = (fetch: unknown) => broken(ctx, { fetch });
  const date = (ms: number) => ({
    date: new Date(Date.now() + ms).toUTCString(),
  });
  const name = "PLC directory";
  await finds(name, directory(answering(200, "", date(0))), /^ok /);
  const late = directory(answering(200, "", date(-60_000)));
  await finds(name, late, /^fail The clocks .* differ by (59|60|61) seconds/);
  await finds(name, directory(answering(500)), /^warn .* status 500/);

  await using unready = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    () => new Response("the store is away", { status: 503 }),
  );
  const at = (port: number) => {
    const base_url = `http://127.0.0.1:${port}`;
    const server = broken(ctx.config.server, { base_url });
    return broken(ctx, { config: broken(ctx.config, { server }) });
  };
  await finds("server", at(unready.addr.port), /^fail .*the store is away/);
  await finds("server", at(1), /^warn Nobody answers at/);
});

Deno.test("a public server behind a proxy that it does not trust is found", async () => {
  await using local = await open();
  await finds("client addresses", local.ctx, /^ok /);
  await using rig = await open({
    ATCR_SERVER_BASE_URL: "https://registry.example.com",
    ATCR_SERVER_TEST_MODE: "false",
    ATCR_SECRET_KEY: btoa("s".repeat(32)),
  });
  await finds("client addresses", rig.ctx, /^warn /);
});

Deno.test("a default hold that is none is found", async () => {
  await using rig = await open();
  const { ctx } = rig;
  const server = broken(ctx.config.server, { default_hold_did: HOLD });
  const config = broken(ctx.config, { server });
  const hold = (services: Record<string, string>, status: number) =>
    broken(ctx, {
      config,
      identities: known({ services }),
      fetch: answering(status),
    });
  const services = { "#atcr_hold": "https://hold.example.com" };
  await finds("default hold", ctx);
  await finds("default hold", hold(services, 200), /^ok /);
  await finds("default hold", hold({}, 200), /^fail .* names no hold service/);
  await finds(
    "default hold",
    hold(services, 404),
    /^fail .* no captain record/,
  );
});

Deno.test("a hold that the network knows with another key or address is found", async () => {
  await using rig = await open();
  const { ctx, hold } = rig;
  const local = broken(ctx, {
    hold: broken(hold, { did: "did:web:hold.example.com%3A8080" }),
  });
  await finds("hold identity", local, /^warn .* works on this machine only/);
  const [method] = hold.didDocument.verificationMethod;
  const right = {
    signingKey: `did:key:${method?.publicKeyMultibase}`,
    pds: hold.baseUrl,
    services: { "#atcr_hold": hold.baseUrl },
  };
  const seen = (changes: Record<string, unknown>) =>
    broken(ctx, {
      hold: broken(hold, { did: HOLD }),
      identities: known({ ...right, ...changes }),
    });
  await finds("hold identity", seen({}), /^ok /);
  const otherKey = seen({ signingKey: "did:key:zOther" });
  await finds("hold identity", otherKey, /^fail .*another signing key/);
  const moved = seen({ pds: "https://old.example", services: {} });
  await finds(
    "hold identity",
    moved,
    /^fail The service #atproto_pds .* is https:\/\/old\.example and not/,
    /^fail The service #atcr_hold .* is missing and not/,
  );
});

Deno.test("a hold without an owner, and a captain who is another one, are found", async () => {
  await using rig = await open();
  const { ctx, hold } = rig;
  const captainOf = (owner: string | undefined, recorded: string) =>
    broken(ctx, {
      config: broken(ctx.config, {
        hold: broken(ctx.config.hold, { owner }),
      }),
      identities: known({ did: OWNER }),
      hold: broken(hold, {
        access: { captain: () => Promise.resolve({ owner: recorded }) },
      }),
    });
  await finds("hold captain", captainOf(OWNER, OWNER), /^ok /);
  await finds("hold captain", captainOf(undefined, OWNER), /^warn .*no owner/);
  const other = captainOf(OWNER, "did:plc:other");
  await finds("hold captain", other, /^warn .*did:plc:other and not yet/);
});

Deno.test("a repo that misses blocks, or is deactivated, is found", async () => {
  await using rig = await open();
  const { ctx, hold } = rig;
  await finds("hold repo", ctx, /^ok It is whole: [1-9]/);
  const car = { export: () => Promise.reject(new Error("a block is missing")) };
  const torn = broken(hold, { repo: broken(hold.repo, { car }) });
  await finds("hold repo", broken(ctx, { hold: torn }), /^error .*is missing/);
  await hold.repo.setActive(false);
  await finds("hold repo", ctx, /^ok /, /^warn The account is deactivated/);
});

Deno.test("relays that do not read the hold, or have read more than it has, are found", async () => {
  await using rig = await open({ ATCR_HOLD_RELAYS: "relay.example" });
  const { ctx } = rig;
  const relay = (fetch: unknown) => broken(ctx, { fetch });
  const saying = (body: unknown, status = 200) =>
    relay(answering(status, JSON.stringify(body)));
  await finds("relays", saying({ status: "active", seq: 1 }), /^ok /);
  await finds("relays", saying({ status: "offline" }), /^warn .*\(offline\)/);
  await finds("relays", saying({}, 404), /^warn .*\(404\)/);
  const ahead = saying({ status: "active", seq: 9_999_999_999 });
  await finds("relays", ahead, /^fail .*put back from a backup/);
  const away = relay(() => Promise.reject(new Error("unreachable")));
  await finds("relays", away, /^warn relay\.example cannot be asked/);
});
