/** Records of the captain can be changed only by the captain. */

import assert from "node:assert/strict";
import { z } from "zod";
import { createForger, type Forger } from "../support/forger.ts";
import { holdDid, holdEnv } from "../support/hold.ts";
import { randomBlob } from "../support/oci.ts";
import { command, type Program, startProgram } from "../support/program.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";
import { until } from "../support/until.ts";
import { xrpc, type XrpcRequest } from "../support/xrpc.ts";

const CAPTAIN = "io.atcr.hold.captain";
const CREW = "io.atcr.hold.crew";

const part = z.object({
  url: z.string(),
  method: z.literal("PUT"),
  headers: z.record(z.string(), z.string()),
});
const record = z.object({ value: z.record(z.string(), z.unknown()) });

let sandbox: TestSandbox;
Deno.test.beforeAll(async () => {
  sandbox = await startTestSandbox();
});
Deno.test.afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
});

/** A private hold with a captain, an admin of the crew and a writer. */
async function openHold(env: Record<string, string> = {}) {
  const [captain, admin, writer] = [
    await createForger(sandbox),
    await createForger(sandbox),
    await createForger(sandbox),
  ];
  const hold = await startProgram({
    port: freePort(),
    env: { ...holdEnv(sandbox, captain), ...env },
  });
  const aud = holdDid(hold.origin);
  const as = async (person: Forger, nsid: string, request: XrpcRequest) => {
    const token = await person.token(aud, nsid);
    return await xrpc(hold.origin, nsid, { ...request, token });
  };
  /** Status of a write of records. */
  const write = async (
    person: Forger,
    name: string,
    input: Record<string, unknown>,
  ) => {
    const request = { input: { repo: aud, ...input } };
    return (await as(person, `com.atproto.repo.${name}`, request)).status;
  };
  const read = async (collection: string, rkey: string) => {
    const params = { repo: aud, collection, rkey };
    const nsid = "com.atproto.repo.getRecord";
    return (await xrpc(hold.origin, nsid, { params })).body;
  };
  await addCrew(hold, admin, "crew:admin");
  await addCrew(hold, writer, "blob:read,blob:write");
  return {
    hold,
    aud,
    captain,
    admin,
    writer,
    as,
    write,
    read,
    [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose](),
  };
}

async function addCrew(hold: Program, { did }: Forger, permissions: string) {
  const add = ["hold", "crew", "add", did, "--permissions", permissions];
  assert.equal((await command(hold.env, ...add)).code, 0);
}

Deno.test("a crew admin cannot change records of the captain in any way", async () => {
  await using it = await openHold();
  const { captain, admin, writer, write, read } = it;
  const before = record.parse(await read(CAPTAIN, "self")).value;
  const mine = record.parse(await read(CREW, captain.did)).value;
  const open = { ...before, public: true, allowAllCrew: true };
  const member = (did: string) => ({
    member: did,
    role: "member",
    permissions: ["blob:read"],
    addedAt: new Date().toISOString(),
  });
  // A second record of the captain, under a key that other tools chose.
  const second = { collection: CREW, rkey: "3kfuo5dbpcc2y" };
  const add = { ...second, record: member(captain.did) };
  assert.equal(await write(captain, "putRecord", add), 200);
  const self = { collection: CAPTAIN, rkey: "self" };
  const crew = { collection: CREW, rkey: captain.did };
  const update = "com.atproto.repo.applyWrites#update";
  const attempts: readonly [string, Record<string, unknown>][] = [
    ["putRecord", { ...self, record: open }],
    ["putRecord", { ...self, record: { ...before, owner: admin.did } }],
    ["createRecord", { ...self, record: open }],
    ["deleteRecord", self],
    ["deleteRecord", crew],
    ["deleteRecord", second],
    ["putRecord", { ...crew, record: member(captain.did) }],
    ["putRecord", { ...crew, record: member(writer.did) }],
    ["putRecord", { ...second, record: member(writer.did) }],
    ["createRecord", { collection: CREW, record: member(captain.did) }],
    ["applyWrites", {
      writes: [
        { $type: update, collection: CREW, rkey: writer.did, value: mine },
      ],
    }],
    ["applyWrites", { writes: [{ $type: update, ...self, value: open }] }],
    ["applyWrites", {
      writes: [
        { $type: "com.atproto.repo.applyWrites#delete", ...crew },
      ],
    }],
  ];
  for (const [name, input] of attempts) {
    const status = await write(admin, name, input);
    assert.equal(status, 403, `${name} ${JSON.stringify(input)}`);
  }
  assert.deepEqual(record.parse(await read(CAPTAIN, "self")).value, before);
  assert.deepEqual(record.parse(await read(CREW, captain.did)).value, mine);
  // The admin manages the rest of the crew, the captain everything.
  const other = { collection: CREW, rkey: writer.did };
  const demoted = { ...other, record: member(writer.did) };
  assert.equal(await write(admin, "putRecord", demoted), 200);
  assert.equal(await write(admin, "deleteRecord", other), 200);
  const changed = { ...self, record: { ...before, region: "eu" } };
  assert.equal(await write(captain, "putRecord", changed), 200);
  assert.equal(await write(captain, "deleteRecord", second), 200);
});

Deno.test("a hold without a captain is not ready and reports it", async () => {
  await using it = await openHold();
  const { hold, captain, write } = it;
  const ready = async () => {
    const response = await fetch(`${hold.origin}/readyz`);
    const { checks } = await response.json();
    return { status: response.status, hold: checks.hold };
  };
  assert.deepEqual(await ready(), { status: 200, hold: "ok" });
  const self = { collection: CAPTAIN, rkey: "self" };
  assert.equal(await write(captain, "deleteRecord", self), 200);
  await until(async () => (await ready()).status === 503);
  assert.deepEqual(await ready(), { status: 503, hold: "failed" });
  await until(() => /has no captain; set hold\.owner/.test(hold.log()));
});

Deno.test("an import does not replace the captain of a hold that has one", async () => {
  await using it = await openHold();
  await using other = await openHold({
    ATCR_HOLD_PUBLIC: "true",
    ATCR_HOLD_ALLOW_ALL_CREW: "true",
  });
  const before = await it.read(CAPTAIN, "self");
  const mine = await it.read(CREW, it.captain.did);
  await addCrew(other.hold, it.captain, "blob:read");
  const path = await Deno.makeTempFile();
  const { bytes } = await command(other.hold.env, "repo", "export");
  await Deno.writeFile(path, bytes);
  const { code, text } = await command(it.hold.env, "repo", "import", path);
  await Deno.remove(path);
  assert.equal(code, 0, text);
  assert.match(text, /kept as it is: io\.atcr\.hold\.captain\/self: /);
  assert.deepEqual(await it.read(CAPTAIN, "self"), before);
  assert.deepEqual(await it.read(CREW, it.captain.did), mine);
  const crew = await command(it.hold.env, "hold", "crew", "list");
  assert.match(crew.text, new RegExp(other.writer.did));
});

Deno.test("tickets for uploads and downloads end with the membership that they came from", async () => {
  await using it = await openHold();
  const { hold, aud, captain, writer, as } = it;
  const blob = randomBlob(1_000);
  const open = async (person: Forger) => {
    const start = { input: { digest: blob.digest } };
    const { body } = await as(person, "io.atcr.hold.initiateUpload", start);
    const { uploadId } = body as { uploadId: string };
    const input = { uploadId, partNumber: 1 };
    const answer = await as(person, "io.atcr.hold.getPartUploadUrl", { input });
    return { uploadId, to: part.parse(answer.body) };
  };
  const send = async ({ url, method, headers }: z.output<typeof part>) => {
    const response = await fetch(url, { method, headers, body: blob.bytes });
    const { etag = "" } = await response.json();
    return { status: response.status, etag };
  };
  const [theirs, own] = [await open(captain), await open(writer)];
  const { etag } = await send(theirs.to);
  const parts = [{ partNumber: 1, etag }];
  const { uploadId } = theirs;
  await as(captain, "io.atcr.hold.completeUpload", {
    input: { uploadId, digest: blob.digest, parts },
  });
  const answer = await as(writer, "com.atproto.sync.getBlob", {
    params: { did: aud, cid: blob.digest, method: "GET" },
  });
  const { url } = answer.body as { url: string };
  const get = async () => {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.status;
  };
  assert.deepEqual([(await send(own.to)).status, await get()], [200, 200]);
  const remove = { collection: CREW, rkey: writer.did };
  assert.equal(await it.write(captain, "deleteRecord", remove), 200);
  assert.deepEqual([(await send(own.to)).status, await get()], [403, 403]);
  assert.equal((await fetch(`${hold.origin}/readyz`)).status, 200);
});
