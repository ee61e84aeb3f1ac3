import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { AppError } from "../lib/errors.ts";
import { createAccount, startTestSandbox } from "../tests/support/sandbox.ts";
import { freePort } from "../tests/tools/ports.ts";
import {
  type Sandbox,
  type SandboxAccount,
  type SandboxOptions,
  startSandbox,
} from "./launch.ts";
import { silentLogger } from "../lib/testing_log.ts";

const REPOSITORY = fileURLToPath(new URL("../", import.meta.url));
const COLLECTION = "io.atcr.sailor.profile";

async function withFolder(test: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "atcr-sandbox-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function start(dataDir: string, options: Partial<SandboxOptions> = {}) {
  return startSandbox({ dataDir, log: silentLogger, ...options });
}

/** Calls a method of the PDS and returns its JSON; fails unless the status is 200. */
async function call(
  { pds }: Pick<Sandbox, "pds">,
  method: string,
  init: RequestInit = {},
): Promise<Record<string, unknown>> {
  const response = await fetch(`${pds}/xrpc/${method}`, init);
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  return answer;
}

async function signIn(sandbox: Sandbox, account: SandboxAccount) {
  const { handle, did, appPassword } = account;
  const session = await call(sandbox, "com.atproto.server.createSession", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ identifier: handle, password: appPassword }),
  });
  assert.equal(session["did"], did);
  return String(session["accessJwt"]);
}

async function putRecord(
  sandbox: Sandbox,
  account: SandboxAccount,
  rkey: string,
): Promise<void> {
  const token = await signIn(sandbox, account);
  await call(sandbox, "com.atproto.repo.putRecord", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({
      repo: account.did,
      collection: COLLECTION,
      rkey,
      record: { $type: COLLECTION, createdAt: "2026-01-01T00:00:00Z" },
    }),
  });
}

async function recordNames(sandbox: Sandbox, account: SandboxAccount) {
  const query = new URLSearchParams({
    repo: account.did,
    collection: COLLECTION,
    reverse: "true",
  });
  const answer = await call(
    sandbox,
    `com.atproto.repo.listRecords?${query}`,
  );
  const records = answer["records"];
  assert(Array.isArray(records));
  return records.map((record) => String(record.uri).split("/").at(-1));
}

async function resolveHandle(sandbox: Sandbox, handle: string) {
  const query = new URLSearchParams({ handle });
  const answer = await call(
    sandbox,
    `com.atproto.identity.resolveHandle?${query}`,
  );
  return answer["did"];
}

/** The PDS of `did` in the PLC directory. */
async function pdsOf(sandbox: Sandbox, did: string): Promise<unknown> {
  const response = await fetch(`${sandbox.plc}/${did}`);
  const document = await response.json();
  assert.equal(response.status, 200, JSON.stringify(document));
  return document.service[0].serviceEndpoint;
}

function accountOf(sandbox: Sandbox, handle: string): SandboxAccount {
  const account = sandbox.accounts.find((one) => one.handle === handle);
  assert(account, `no account ${handle}`);
  return account;
}

Deno.test("accounts, app passwords, URLs and records survive a stop and a kill", () =>
  withFolder(async (folder) => {
    const first = await start(folder);
    const alice = accountOf(first, "alice.test");
    const bob = accountOf(first, "bob.test");
    assert.equal(await resolveHandle(first, "alice.test"), alice.did);
    assert.equal(await resolveHandle(first, "bob.test"), bob.did);
    assert.equal(await pdsOf(first, alice.did), first.pds);
    await putRecord(first, alice, "before-stop");
    await first.stop();
    assert.deepEqual(await first.exited, { code: 0, requested: true });

    const second = await start(folder);
    assert.deepEqual(second.accounts, first.accounts);
    assert.equal(second.pds, first.pds);
    await putRecord(second, alice, "before-kill");
    Deno.kill(second.pid, "SIGKILL");
    assert.deepEqual(await second.exited, { code: 137, requested: false });
    await second.stop();

    const third = await start(folder);
    try {
      assert.deepEqual(third.accounts, first.accounts);
      assert.deepEqual(await recordNames(third, alice), [
        "before-kill",
        "before-stop",
      ]);
      assert.equal(await pdsOf(third, bob.did), third.pds);
      await signIn(third, bob);
    } finally {
      await third.stop();
    }
  }));

Deno.test("a first start killed at any moment is completed by the next", () =>
  withFolder(async (folder) => {
    for (const ms of [300, 600, 900, 1200]) {
      // Aborting a start kills the child.
      await start(folder, { signal: AbortSignal.timeout(ms) }).then(
        (sandbox) => sandbox.stop(),
        (error) =>
          assert.equal(error.name, "TimeoutError", `${error} ${error.cause}`),
      );
    }
    const sandbox = await start(folder);
    try {
      for (const account of sandbox.accounts) await signIn(sandbox, account);
      assert.equal(sandbox.accounts.length, 2);
    } finally {
      await sandbox.stop();
    }
  }));

Deno.test("tables left incomplete by a killed first start are created again", () =>
  withFolder(async (folder) => {
    const pds = join(folder, "pds");
    await Deno.mkdir(pds);
    // The first table that the PDS creates, without those that follow.
    const database = new DatabaseSync(join(pds, "account.sqlite"));
    database.exec("CREATE TABLE app_password (did TEXT)");
    database.close();
    const sandbox = await start(folder);
    try {
      await signIn(sandbox, accountOf(sandbox, "alice.test"));
    } finally {
      await sandbox.stop();
    }
  }));

function portsOf({ pds, plc }: Sandbox) {
  const port = (origin: string) => Number(new URL(origin).port);
  return { pdsPort: port(pds), plcPort: port(plc) };
}

Deno.test("losing the state file loses no account", () =>
  withFolder(async (folder) => {
    const first = await start(folder);
    const { did } = accountOf(first, "alice.test");
    await first.stop();
    await Deno.remove(join(folder, "sandbox.json"));
    const second = await start(folder, portsOf(first));
    try {
      assert.equal(accountOf(second, "alice.test").did, did);
    } finally {
      await second.stop();
    }
  }));

Deno.test("only the loopback addresses are served", async () => {
  await using sandbox = await startTestSandbox();
  const addresses = Deno.networkInterfaces()
    .filter(({ address }) => !/^(127\.|::1$|fe80:)/.test(address));
  for (const url of [sandbox.pds, sandbox.plc]) {
    const port = Number(new URL(url).port);
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    for (const { address } of addresses) {
      await assert.rejects(
        Deno.connect({ hostname: address, port }),
        Deno.errors.ConnectionRefused,
        `${address} answers on port ${port}`,
      );
    }
  }
});

Deno.test("a further account can be created", async () => {
  await using sandbox = await startTestSandbox();
  const carol = await createAccount(sandbox, "carol.test");
  assert.equal(await resolveHandle(sandbox, "carol.test"), carol.did);
  await signIn(sandbox, carol);
});

Deno.test("a changed PDS port is written into the DID documents", () =>
  withFolder(async (folder) => {
    const first = await start(folder);
    await first.stop();
    using taken = Deno.listen({
      hostname: "127.0.0.1",
      port: Number(new URL(first.pds).port),
    });
    await assert.rejects(start(folder), (error) => {
      assert(error instanceof AppError);
      assert.match(error.message, /port \d+.*ATCR_SANDBOX_PDS_PORT/);
      assert(error.message.includes(` ${taken.addr.port}:`));
      return true;
    });
    const second = await start(folder, { pdsPort: freePort() });
    try {
      assert.notEqual(second.pds, first.pds);
      assert.deepEqual(second.accounts, first.accounts);
      for (const { did } of second.accounts) {
        assert.equal(await pdsOf(second, did), second.pds);
      }
    } finally {
      await second.stop();
    }
  }));

Deno.test("a damaged state file is refused with its name", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "sandbox.json"), "{}");
    await assert.rejects(start(folder), (error) => {
      assert(error instanceof AppError);
      assert.match(error.message, /sandbox\.json is damaged/);
      return true;
    });
  }));

Deno.test("the network ends with the program that started it", () =>
  withFolder(async (folder) => {
    const program = `
      import { startSandbox } from "./sandbox/launch.ts";
      import { silentLogger } from "./lib/testing_log.ts";
      const dataDir = ${JSON.stringify(folder)};
      const { pds } = await startSandbox({ dataDir, log: silentLogger });
      console.log(pds);
      await new Promise(() => setInterval(() => {}, 1000));
    `;
    const parent = new Deno.Command(Deno.execPath(), {
      args: ["eval", program],
      cwd: REPOSITORY,
      stdout: "piped",
    }).spawn();
    const reader = parent.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    const { value: pds = "" } = await reader.read();
    parent.kill("SIGKILL");
    await parent.status;
    await reader.cancel();
    // A start on the same folder waits until the old network has ended.
    const sandbox = await start(folder);
    assert.equal(sandbox.pds, pds.trim());
    await sandbox.stop();
  }));

Deno.test("without packages and without a network the error says what to do", () =>
  withFolder(async (folder) => {
    await cp(join(REPOSITORY, "sandbox"), join(folder, "sandbox"), {
      recursive: true,
      filter: (path) => !path.includes("node_modules"),
    });
    for (const file of ["lib/errors.ts", "lib/text.ts"]) {
      await cp(join(REPOSITORY, file), join(folder, file));
    }
    const program = `
      import { ensurePackages } from "./sandbox/packages.ts";
      const log = { info() {} };
      await ensurePackages(log, new AbortController().signal).catch((error) =>
        console.log(error.code, error.message)
      );
    `;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "--no-config", program],
      cwd: folder,
      env: {
        DENO_DIR: join(folder, "cache"),
        NPM_CONFIG_REGISTRY: "http://127.0.0.1:1/",
      },
    }).output();
    assert.match(
      new TextDecoder().decode(stdout),
      /^UNAVAILABLE The packages .* could not be installed\. Connect to the network/,
    );
  }));
