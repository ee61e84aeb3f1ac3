/**
 * A private hold with a captain, a writer, a reader and an outsider, whose keys
 * the test has, and the required results of attacks.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createForger, type Forger } from "./forger.ts";
import { holdDid, holdEnv } from "./hold.ts";
import { command, type Program, startProgram } from "./program.ts";
import { startTestSandbox, type TestSandbox } from "./sandbox.ts";
import { freePort } from "../tools/ports.ts";
import { xrpc, type XrpcAnswer, type XrpcRequest } from "./xrpc.ts";

/** The method that starts an upload. */
export const INITIATE = "io.atcr.hold.initiateUpload";

/** An attack: description, request, and the statuses of its refusal. */
export type Attack = [
  what: string,
  attempt: () => Promise<{ status: number; body: unknown }>,
  ...statuses: number[],
];

/** Shared by the tests of a file. */
export interface AttackedHold {
  readonly sandbox: TestSandbox;
  readonly hold: Program;
  /** DID of the hold. */
  readonly aud: string;
  readonly captain: Forger;
  /** Crew with `blob:read` and `blob:write`, and a quota of 10 MB. */
  readonly mallory: Forger;
  /** Crew with `blob:read`. */
  readonly reader: Forger;
  /** An account without any rights. */
  readonly stranger: Forger;
  /** A registry that may set tiers. */
  readonly registry: Forger;
  /** Sends a request. */
  send(nsid: string, request: XrpcRequest): Promise<XrpcAnswer>;
  /** Sends it with a valid token of `person`. */
  as(person: Forger, nsid: string, request?: XrpcRequest): Promise<XrpcAnswer>;
  /** Opens an upload of `person` and returns its id. */
  openUpload(person: Forger): Promise<string>;
  /** Sends one part. */
  sendPart(
    person: Forger,
    id: string,
    number: string,
    bytes?: Uint8Array,
  ): Promise<XrpcAnswer>;
  /** Runs all attacks; each must be refused, and the repo must not change. */
  assertRefused(attacks: readonly Attack[]): Promise<void>;
}

/** Call it once at the top of a test file; the function that it returns gives the hold inside of tests. */
export function attackedHold(): () => AttackedHold {
  const opened = new AsyncDisposableStack();
  let started: AttackedHold | undefined;
  Deno.test.beforeAll(async () => {
    started = await start(opened);
  });
  Deno.test.afterAll(() => opened.disposeAsync());
  return () => {
    if (!started) throw new Error("The hold runs during tests only.");
    return started;
  };
}

async function start(opened: AsyncDisposableStack): Promise<AttackedHold> {
  const sandbox = opened.use(await startTestSandbox());
  const forger = () => createForger(sandbox);
  const [captain, mallory] = [await forger(), await forger()];
  const [reader, stranger] = [await forger(), await forger()];
  const registry = await forger();
  const port = freePort();
  const dataDir = await Deno.makeTempDir();
  opened.defer(() => Deno.remove(dataDir, { recursive: true }));
  const env = {
    ...holdEnv(sandbox, captain),
    ATCR_DATA_DIR: dataDir,
    ATCR_HOLD_QUOTA_TIERS: "{small: {quota: 10MB}}",
    ATCR_HOLD_QUOTA_DEFAULT_TIER: "small",
    ATCR_HOLD_TRUSTED_REGISTRIES: registry.did,
  };
  const origin = `http://localhost:${port}`;
  for (
    const [{ did }, permissions] of [
      [mallory, "blob:read,blob:write"],
      [reader, "blob:read"],
    ] as const
  ) {
    const add = ["hold", "crew", "add", did, "--permissions", permissions];
    const here = { ...env, ATCR_SERVER_BASE_URL: origin };
    assert.equal((await command(here, ...add)).code, 0);
  }
  const hold = opened.use(await startProgram({ port, dataDir, env }));
  const aud = holdDid(origin);
  const send = (nsid: string, request: XrpcRequest) =>
    xrpc(hold.origin, nsid, request);
  const as = async (
    person: Forger,
    nsid: string,
    request: XrpcRequest = {},
  ) => await send(nsid, { ...request, token: await person.token(aud, nsid) });
  const head = async () => {
    const params = { did: aud };
    return (await send("com.atproto.sync.getLatestCommit", { params })).body;
  };
  return {
    sandbox,
    hold,
    aud,
    captain,
    mallory,
    reader,
    stranger,
    registry,
    send,
    as,
    openUpload: async (person) => {
      const { body } = await as(person, INITIATE, { input: { digest: "x" } });
      const { uploadId } = body as { uploadId: string };
      return uploadId;
    },
    sendPart: (person, id, number, bytes = new Uint8Array(10)) =>
      as(person, "io.atcr.hold.uploadPart", {
        input: bytes,
        headers: { "x-upload-id": id, "x-part-number": number },
      }),
    assertRefused: async (attacks) => {
      const before = await head();
      const wrong: string[] = [];
      for (const attack of attacks) wrong.push(...await failureOf(attack));
      assert.deepEqual(wrong, []);
      assert.deepEqual(await head(), before);
      const alive = await as(mallory, INITIATE, { input: { digest: "x" } });
      assert.equal(alive.status, 200);
    },
  };
}

/** Describes what is wrong with the response to an attack, if anything. */
async function failureOf(
  [what, attempt, ...statuses]: Attack,
): Promise<string[]> {
  const { status, body } = await attempt();
  const sentence = (JSON.stringify(body) ?? "").slice(0, 300);
  if (!statuses.includes(status)) return [`${what}: ${status} ${sentence}`];
  if (/\/tmp\/|at file:|node_modules|\bstack\b/.test(sentence)) {
    return [`${what} shows the inside: ${sentence}`];
  }
  // Overlong headers never reach the program.
  const isXrpc = /"error":"\w+","message":"./.test(sentence);
  return isXrpc || status === 431
    ? []
    : [`${what}: no XRPC error: ${sentence}`];
}
