/** The access matrix of a hold, with tokens over HTTP. */

import assert from "node:assert/strict";
import { createForger, type Forger } from "../support/forger.ts";
import { holdDid, holdEnv } from "../support/hold.ts";
import { digestOf, randomBlob } from "../support/oci.ts";
import { command, type Program, startProgram } from "../support/program.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";
import { xrpc } from "../support/xrpc.ts";

/** Callers, by the permissions of their crew record. */
const CREW: Readonly<Record<string, string | undefined>> = {
  captain: undefined,
  "crew blob:read": "blob:read",
  "crew blob:write": "blob:write",
  "crew blob:read,blob:write": "blob:read,blob:write",
  "crew crew:admin": "crew:admin",
  "not crew": undefined,
};

// Columns: read a public hold, read a private one, write, administer, and the
// same four with `allowAllCrew`. 1 is allowed.
const MATRIX: Readonly<Record<string, string>> = {
  anonymous: "1000 1000",
  captain: "1111 1111",
  "crew blob:read": "1100 1100",
  "crew blob:write": "1110 1110",
  "crew blob:read,blob:write": "1110 1110",
  "crew crew:admin": "1111 1111",
  "not crew": "1000 1110",
};

const opened = new AsyncDisposableStack();
const people = new Map<string, Forger>();
let sandbox: TestSandbox;
Deno.test.beforeAll(async () => {
  sandbox = opened.use(await startTestSandbox());
  for (const name of Object.keys(CREW)) {
    people.set(name, await createForger(sandbox));
  }
});
Deno.test.afterAll(() => opened.disposeAsync());

/** Starts a hold of the captain with all crew records and one blob. */
async function startHold(isPublic: boolean, allowAllCrew: boolean) {
  const captain = people.get("captain");
  assert.ok(captain);
  const dataDir = await Deno.makeTempDir();
  const env = {
    ...holdEnv(sandbox, captain),
    ATCR_DATA_DIR: dataDir,
    HOLD_PUBLIC: `${isPublic}`,
    HOLD_ALLOW_ALL_CREW: `${allowAllCrew}`,
  };
  const port = freePort();
  for (const [name, permissions] of Object.entries(CREW)) {
    const person = people.get(name);
    if (permissions === undefined || !person) continue;
    const url = `http://localhost:${port}`;
    const added = await command(
      { ...env, ATCR_SERVER_BASE_URL: url },
      ...["hold", "crew", "add", person.did],
      ...["--permissions", permissions],
    );
    assert.equal(added.code, 0, added.errors);
  }
  const hold = await startProgram({ port, dataDir, env });
  const blob = randomBlob(100);
  await upload(hold, captain, blob);
  return {
    hold,
    digest: blob.digest,
    [Symbol.asyncDispose]: async () => {
      await hold[Symbol.asyncDispose]();
      await Deno.remove(dataDir, { recursive: true });
    },
  };
}

async function upload(
  { origin }: Program,
  caller: Forger,
  blob: { bytes: Uint8Array; digest: string },
) {
  const call = async (
    name: string,
    input: unknown,
    headers: Record<string, string> = {},
  ) => {
    const nsid = `io.atcr.hold.${name}`;
    const token = await caller.token(holdDid(origin), nsid);
    const answer = await xrpc(origin, nsid, { input, headers, token });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return answer.body as Record<string, string>;
  };
  const { digest, bytes } = blob;
  const { uploadId = "" } = await call("initiateUpload", { digest });
  const { etag } = await call("uploadPart", bytes, {
    "x-upload-id": uploadId,
    "x-part-number": "1",
  });
  const parts = [{ partNumber: 1, etag }];
  await call("completeUpload", { uploadId, digest, parts });
}

/** Whether a request is allowed; any other result is an error. */
function verdict(status: number, what: string): boolean {
  if (status === 200) return true;
  assert.ok(status === 401 || status === 403, `${what}: ${status}`);
  return false;
}

for (const allowAllCrew of [false, true]) {
  const open = allowAllCrew ? ", and takes everybody as crew" : "";
  for (const isPublic of [true, false]) {
    const kind = isPublic ? "public" : "private";
    Deno.test(`who may read, write and administer a hold that is ${kind}${open}`, async () => {
      await using started = await startHold(isPublic, allowAllCrew);
      const { hold: { origin }, digest } = started;
      const aud = holdDid(origin);
      for (const [name, cells] of Object.entries(MATRIX)) {
        const person = people.get(name);
        const columns = cells.split(" ")[allowAllCrew ? 1 : 0] ?? "";
        const [publicRead, privateRead, write, admin] = columns;
        const ask = async (nsid: string, request: object) => {
          const token = await person?.token(aud, nsid);
          const { status } = await xrpc(origin, nsid, { token, ...request });
          return verdict(status, `${name}: ${nsid}`) ? "1" : "0";
        };
        const answers = [
          await ask("com.atproto.sync.getBlob", {
            params: { did: aud, cid: digest },
          }),
          await ask("com.atproto.sync.getBlob", {
            params: { did: aud, cid: digest },
            method: "HEAD",
          }),
          await ask("io.atcr.hold.initiateUpload", {
            input: { digest: digestOf(new Uint8Array(1)) },
          }),
          await ask("com.atproto.repo.putRecord", {
            input: {
              repo: aud,
              collection: "com.example.note",
              rkey: "self",
              record: { $type: "com.example.note" },
            },
          }),
          await ask("io.atcr.hold.setStats", {
            input: { ownerDid: aud, repository: "app" },
          }),
        ];
        const read = isPublic ? publicRead : privateRead;
        assert.deepEqual(answers, [read, read, write, admin, admin], name);
      }
    });
  }
}
