/** Damaged stored content: it is never served, an operator can find it, and a push repairs it. */

import assert from "node:assert/strict";
import { type Blob, randomBlob } from "../support/oci.ts";
import { command, type CommandResult } from "../support/program.ts";
import {
  call,
  expect,
  expectError,
  Repository,
  textOf,
} from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { retryPolicyFor } from "../../lib/kv/retry.ts";

const whileUnlocked = retryPolicyFor(true);

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

function alices(server: TestServer, name = "rot"): Repository {
  return new Repository(server, server.alice, `alice.test/${name}`);
}

function fileOf({ dataDir }: TestServer, { digest }: { digest: string }) {
  const hex = digest.slice("sha256:".length);
  const folder = `docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}`;
  return `${dataDir}/blobs/${folder}/data`;
}

/** A command of the operator beside the server. */
async function beside(
  server: TestServer,
  ...words: string[]
): Promise<CommandResult> {
  return await command(settings(server), ...words);
}

function settings(
  { port, dataDir, ports }: Pick<TestServer, "port" | "dataDir" | "ports">,
): Record<string, string> {
  return {
    ATCR_SERVER_ADDR: `127.0.0.1:${port}`,
    ATCR_DATA_DIR: dataDir,
    ATCR_SANDBOX_PDS_PORT: String(ports[1]),
    ATCR_SANDBOX_PLC_PORT: String(ports[2]),
  };
}

function startBeside(
  { port, dataDir, ports }: TestServer,
  ...words: string[]
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, ...words],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    env: settings({ port, dataDir, ports }),
  }).spawn();
}

async function flip(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await Deno.writeFile(path, bytes);
}

async function isServed(repository: Repository, blob: Blob): Promise<boolean> {
  const path = `blobs/${blob.digest}`;
  const get = await repository.send("GET", path);
  const head = await repository.send("HEAD", path);
  assert.equal(head.status, get.status);
  if (get.status === 404) {
    expectError(get, 404, "BLOB_UNKNOWN");
    return false;
  }
  assert.deepEqual(expect(get, 200).bytes, blob.bytes);
  return true;
}

Deno.test("a truncated blob is hidden, logged and counted, and restored by a push", async () => {
  await using server = await startServer();
  const repository = alices(server);
  const blob = randomBlob(5_000);
  await repository.pushBlob(blob);
  await Deno.truncate(fileOf(server, blob), 4_999);
  assert.equal(await isServed(repository, blob), false);
  const line = new RegExp(`damaged.*${blob.digest}.*"found":4999`);
  await until(() => line.test(server.log()), server.log);
  const metrics = await call(`${server.origin}/metrics`, "GET");
  assert.match(
    textOf(metrics),
    /^hold_blobs_damaged_total\{damage="size"\} 1$/m,
  );
  const mount = await repository.send(
    "POST",
    `blobs/uploads/?mount=${blob.digest}&from=${repository.name}`,
  );
  expect(mount, 202);
  await repository.pushBlob(blob);
  assert.equal(await isServed(repository, blob), true);
});

Deno.test("a blob with a missing or truncated object is hidden from clients that check before they push", async () => {
  await using server = await startServer();
  const repository = alices(server);
  const other = alices(server, "other");
  const [cut, gone, whole] = [1, 2, 3].map(() => randomBlob(5_000));
  assert.ok(cut && gone && whole);
  for (const blob of [cut, gone, whole]) await repository.pushBlob(blob);
  const ask = (blob: Blob) => repository.send("HEAD", `blobs/${blob.digest}`);
  const mount = (blob: Blob) =>
    other.send(
      "POST",
      `blobs/uploads/?mount=${blob.digest}&from=${repository.name}`,
    );
  for (const first of [ask, mount]) {
    await Deno.truncate(fileOf(server, cut), 10);
    await Deno.remove(fileOf(server, gone));
    for (const blob of [cut, gone]) {
      expect(await first(blob), first === ask ? 404 : 202);
      expect(await ask(blob), 404);
      await repository.pushBlob(blob);
      expect(await ask(blob), 200);
      expect(await mount(blob), 201);
    }
    expect(await first(whole), first === ask ? 200 : 201);
  }
});

Deno.test("undetected damage is repaired by a push, or found by a scrub beside the running server", async () => {
  await using server = await startServer();
  const repository = alices(server);
  const [kept, pushed, found, cut] = [1, 2, 3, 4].map(() => randomBlob(5_000));
  assert.ok(kept && pushed && found && cut);
  for (const blob of [kept, pushed, found, cut]) {
    await repository.pushBlob(blob);
  }
  for (const blob of [pushed, found]) await flip(fileOf(server, blob));
  await Deno.truncate(fileOf(server, cut), 0);
  await repository.pushBlob(pushed);
  assert.equal(await isServed(repository, pushed), true);

  const sample = await beside(server, "hold", "scrub", "--sample", "1000");
  assert.equal(sample.code, 1, sample.text + sample.errors);
  assert.match(
    sample.text,
    new RegExp(`damaged blobs ${found.digest}: digest`),
  );
  assert.match(sample.text, new RegExp(`damaged blobs ${cut.digest}: size`));
  assert.match(sample.text, /^blobs: \d+ checked \(\d+ bytes\), 2 damaged/m);
  assert.equal(await isServed(repository, found), false);
  assert.equal(await isServed(repository, cut), false);
  assert.equal(await isServed(repository, kept), true);

  const doctor = await beside(server, "doctor");
  assert.equal(doctor.code, 1, doctor.text);
  assert.match(doctor.text, new RegExp(`fail .*hidden: .*${found.digest}`));

  for (const blob of [found, cut]) await repository.pushBlob(blob);
  const whole = await beside(server, "hold", "scrub", "--rate", "100MB");
  assert.equal(whole.code, 0, whole.text + whole.errors);
  assert.match(whole.text, /^blobs: \d+ checked \(\d+ bytes\), 0 damaged/m);
  for (const blob of [kept, pushed, found, cut]) {
    assert.equal(await isServed(repository, blob), true);
  }
  assert.equal((await beside(server, "doctor")).code, 0);
});

Deno.test("objects that were removed and added behind the hold are found by a reindex beside the running server", async () => {
  await using server = await startServer();
  const repository = alices(server);
  const [gone, added] = [randomBlob(5_000), randomBlob(6_000)];
  await repository.pushImage("v1");
  await repository.pushBlob(gone);
  await Deno.remove(fileOf(server, gone));
  const file = fileOf(server, added);
  await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
  await Deno.writeFile(file, added.bytes);
  const { code, text } = await beside(server, "hold", "reindex");
  assert.equal(code, 0, text);
  assert.match(
    text,
    /^3 blobs in the storage: 1 became readable again, 1 were hid/,
  );
  assert.equal(await isServed(repository, gone), false);
  const again = await beside(server, "hold", "reindex");
  assert.match(
    again.text,
    /^3 blobs .*: 0 became readable again, 0 were hidden/,
  );
});

Deno.test("a scrub refuses an invalid rate or sample", async () => {
  for (
    const [option, value] of [
      ["--rate", "0"],
      ["--rate", "fast"],
      ["--sample", "0"],
      ["--sample", "half"],
    ] as const
  ) {
    const { code, errors } = await command({}, "hold", "scrub", option, value);
    assert.equal(code, 1);
    assert.match(errors, new RegExp(`${option} needs`));
  }
});

Deno.test("a damaged manifest is fetched from its owner's repo again", async () => {
  await using server = await startServer();
  const image = await alices(server).pushImage("latest");
  await server.stop();
  const kv = await whileUnlocked(() =>
    Deno.openKv(`${server.dataDir}/kv.sqlite3`)
  );
  const key = ["registry", "content", image.digest];
  const wrong = image.bytes.slice();
  wrong[5] = (wrong[5] ?? 0) ^ 1;
  assert.ok((await kv.get(key)).value);
  await kv.set(key, { bytes: wrong });
  kv.close();
  const { dataDir, ports } = server;
  await using again = await startServer({ dataDir, ports });
  const get = await alices(again).send("GET", "manifests/latest");
  assert.deepEqual(expect(get, 200).bytes, image.bytes);
  await until(() => /stored manifest is damaged/.test(again.log()), again.log);
  const scrub = await beside(again, "hold", "scrub");
  assert.equal(scrub.code, 0, scrub.text + scrub.errors);
  assert.match(scrub.text, /^manifests: 1 checked/m);
});

Deno.test("a killed scrub continues where it stopped, and only one runs at a time", async () => {
  await using server = await startServer();
  const repository = alices(server);
  const blobs = Array.from({ length: 30 }, () => randomBlob(20_000));
  for (const blob of blobs) await repository.pushBlob(blob);
  // A minute for everything, and progress is stored every five seconds.
  const first = startBeside(server, "hold", "scrub", "--rate", "10kB");
  const kv = await whileUnlocked(() =>
    Deno.openKv(`${server.dataDir}/kv.sqlite3`)
  );
  await until(async () => {
    const place = await whileUnlocked(() => kv.get(["scrub", "progress"]));
    return place.value !== null;
  });
  kv.close();
  first.kill("SIGKILL");
  await first.status;
  const second = await beside(server, "hold", "scrub");
  assert.equal(second.code, 0, second.text + second.errors);
  assert.match(second.text, /^Waiting for another scrub/m);
  assert.match(second.text, /^Continuing the scrub of /m);
  const [, checked] = /^blobs: (\d+) checked/m.exec(second.text) ?? [];
  assert.equal(checked, "30");
});
