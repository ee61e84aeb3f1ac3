/**
 * Every method of the lexicons, the network's and ours: those that a hold
 * serves answer as their lexicon says, to good and to bad input; all others
 * are told to be unknown.
 */

import assert from "node:assert/strict";
import { schemas } from "@atproto/api";
import {
  jsonToLex,
  type LexiconDoc,
  Lexicons,
  type LexUserType,
  parseLexiconDoc,
} from "@atproto/lexicon";
import { z } from "zod";
import { validateXrpcOutput } from "../../lib/atproto/lexicon.ts";
import { digestOf, randomBlob } from "../support/oci.ts";
import { holdEnv, signIn } from "../support/hold.ts";
import { type Program, startProgram } from "../support/program.ts";
import { startTestSandbox, type TestSandbox } from "../support/sandbox.ts";
import { freePort } from "../support/server.ts";
import { decodeFrame } from "../support/sync_verifier.ts";
import { xrpc, type XrpcAnswer, type XrpcRequest } from "../support/xrpc.ts";

/** A name that others would reach the hold by; only its own address is used here. */
const HOST = "hold.example.com";
const DID = `did:web:${HOST}`;
const NOTE = "com.example.note";

const errorBody = z.strictObject({
  error: z.string().regex(/^[A-Z][A-Za-z]+$/),
  message: z.string().regex(/^.{10,}\.$/s),
});

/** Errors that every method may answer with. */
const GENERIC = [
  "InvalidRequest",
  "AuthenticationRequired",
  "AuthRequired",
  "Forbidden",
  "MethodNotImplemented",
  "PayloadTooLarge",
];

const documents = await lexiconDocuments();
const lexicons = new Lexicons(documents);

const opened = new AsyncDisposableStack();
let sandbox: TestSandbox;
let hold: Program;
let tokenFor: (lxm: string) => Promise<string>;
Deno.test.beforeAll(async () => {
  sandbox = opened.use(await startTestSandbox());
  hold = opened.use(
    await startProgram({
      port: freePort(),
      env: {
        ...holdEnv(sandbox, sandbox.alice),
        ATCR_HOLD_PUBLIC_URL: `http://${HOST}`,
        ATCR_SECRET_KEY: "0".repeat(64),
        HOLD_ALLOW_ALL_CREW: "true",
        HOLD_BLUESKY_POSTS_ENABLED: "true",
        ATCR_HOLD_QUOTA_TIERS: "{deckhand: {quota: 5GB}}",
        ATCR_HOLD_QUOTA_DEFAULT_TIER: "deckhand",
      },
    }),
  );
  const alice = await signIn(sandbox, sandbox.alice);
  tokenFor = (lxm) => alice(DID, lxm);
});
Deno.test.afterAll(() => opened.disposeAsync());

/** The lexicons of this project and of the network. */
async function lexiconDocuments(): Promise<LexiconDoc[]> {
  const own: LexiconDoc[] = [];
  const read = async (folder: URL): Promise<void> => {
    for await (const entry of Deno.readDir(folder)) {
      const path = new URL(entry.name, folder);
      if (entry.isDirectory) await read(new URL(`${path}/`));
      else own.push(parseLexiconDoc(JSON.parse(await Deno.readTextFile(path))));
    }
  };
  await read(new URL("../../lexicons/", import.meta.url));
  return [...own, ...schemas.map((schema) => parseLexiconDoc(schema))];
}

/** A call, and what its answer leaves for later calls. */
interface Example {
  /** Whether the caller has to prove who they are. */
  readonly auth?: boolean;
  readonly request: () => XrpcRequest | Promise<XrpcRequest>;
  readonly then?: (answer: XrpcAnswer) => void;
}

const uploadAnswer = z.object({ uploadId: z.string() });
const etagAnswer = z.object({ etag: z.string() });
const blobAnswer = z.object({
  blob: z.object({ ref: z.object({ $link: z.string() }) }).loose(),
});
const layersAnswer = z.object({ layers: z.array(z.unknown()).length(1) });

/** What the calls tell each other. */
const state = { uploadId: "", etag: "", avatar: {}, cid: "" };
const layer = randomBlob(1_000);
const manifestDigest = digestOf(new TextEncoder().encode("manifest"));
const repo = () => ({ repo: DID });
const did = () => ({ did: DID });

/** One good call of every method that a hold serves, in an order that works. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  "com.atproto.server.describeServer": { request: () => ({}) },
  "com.atproto.identity.resolveHandle": {
    request: () => ({ params: { handle: HOST } }),
  },
  "com.atproto.repo.uploadBlob": {
    auth: true,
    request: () => ({
      input: randomBlob(100).bytes,
      headers: { "content-type": "image/png" },
    }),
    then: ({ body }) => {
      const { blob } = blobAnswer.parse(body);
      state.avatar = blob;
      state.cid = blob.ref.$link;
    },
  },
  "com.atproto.repo.putRecord": {
    auth: true,
    request: () => ({
      input: {
        ...repo(),
        collection: "app.bsky.actor.profile",
        rkey: "self",
        record: {
          $type: "app.bsky.actor.profile",
          displayName: "The hold",
          avatar: state.avatar,
        },
      },
    }),
  },
  "com.atproto.repo.createRecord": {
    auth: true,
    request: () => ({
      input: {
        ...repo(),
        collection: NOTE,
        rkey: "first",
        record: { $type: NOTE, text: "one" },
      },
    }),
  },
  "com.atproto.repo.applyWrites": {
    auth: true,
    request: () => {
      const type = "com.atproto.repo.applyWrites";
      const at = (rkey: string) => ({ collection: NOTE, rkey });
      const value = { $type: NOTE, text: "two" };
      return {
        input: {
          ...repo(),
          writes: [
            { $type: `${type}#create`, ...at("second"), value },
            { $type: `${type}#create`, collection: NOTE, value },
            { $type: `${type}#update`, ...at("first"), value },
          ],
        },
      };
    },
  },
  "com.atproto.repo.deleteRecord": {
    auth: true,
    request: () => ({
      input: { ...repo(), collection: NOTE, rkey: "second" },
    }),
  },
  "com.atproto.repo.describeRepo": { request: () => ({ params: repo() }) },
  "com.atproto.repo.getRecord": {
    request: () => ({
      params: { ...repo(), collection: NOTE, rkey: "first" },
    }),
  },
  "com.atproto.repo.listRecords": {
    request: () => ({
      params: { ...repo(), collection: NOTE, limit: 1, reverse: true },
    }),
  },
  "com.atproto.sync.getRepo": { request: () => ({ params: did() }) },
  "com.atproto.sync.getRecord": {
    request: () => ({ params: { ...did(), collection: NOTE, rkey: "none" } }),
  },
  "com.atproto.sync.getLatestCommit": { request: () => ({ params: did() }) },
  "com.atproto.sync.getBlocks": {
    request: async () => {
      const { body } = await xrpc(
        hold.origin,
        "com.atproto.sync.getLatestCommit",
        { params: did() },
      );
      const { cid } = z.object({ cid: z.string() }).parse(body);
      return { params: { ...did(), cids: [cid] } };
    },
  },
  "com.atproto.sync.getRepoStatus": { request: () => ({ params: did() }) },
  "com.atproto.sync.listRepos": { request: () => ({ params: { limit: 5 } }) },
  "com.atproto.sync.listBlobs": { request: () => ({ params: did() }) },
  "com.atproto.sync.getBlob": {
    request: () => ({ params: { ...did(), cid: state.cid } }),
  },
  "app.bsky.actor.getProfile": {
    request: () => ({ params: { actor: HOST } }),
  },
  "app.bsky.actor.getProfiles": {
    request: () => ({ params: { actors: [DID, "did:web:other.example.com"] } }),
  },
  "io.atcr.hold.requestCrew": { auth: true, request: () => ({ input: {} }) },
  "io.atcr.hold.initiateUpload": {
    auth: true,
    request: () => ({ input: { digest: layer.digest } }),
    then: ({ body }) => {
      state.uploadId = uploadAnswer.parse(body).uploadId;
    },
  },
  "io.atcr.hold.getPartUploadUrl": {
    auth: true,
    request: () => ({ input: { uploadId: state.uploadId, partNumber: 1 } }),
  },
  "io.atcr.hold.uploadPart": {
    auth: true,
    request: () => ({
      input: layer.bytes,
      headers: { "x-upload-id": state.uploadId, "x-part-number": "1" },
    }),
    then: ({ body }) => {
      state.etag = etagAnswer.parse(body).etag;
    },
  },
  "io.atcr.hold.completeUpload": {
    auth: true,
    request: () => ({
      input: {
        uploadId: state.uploadId,
        digest: layer.digest,
        parts: [{ partNumber: 1, etag: state.etag }],
      },
    }),
  },
  "io.atcr.hold.abortUpload": {
    auth: true,
    request: async () => {
      const nsid = "io.atcr.hold.initiateUpload";
      const { body } = await xrpc(hold.origin, nsid, {
        input: { digest: layer.digest },
        token: await tokenFor(nsid),
      });
      return { input: uploadAnswer.parse(body) };
    },
  },
  "io.atcr.hold.notifyManifest": {
    auth: true,
    request: () => ({
      input: {
        repository: "app",
        userDid: sandbox.alice.did,
        manifestDigest,
        tag: "v1",
        manifest: {
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          layers: [{
            digest: layer.digest,
            size: layer.bytes.length,
            mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
          }],
        },
      },
    }),
  },
  "io.atcr.hold.getLayersForManifest": {
    request: () => ({
      params: {
        manifest: `at://${sandbox.alice.did}/io.atcr.manifest/${
          manifestDigest.replace("sha256:", "")
        }`,
      },
    }),
    then: ({ body }) => void layersAnswer.parse(body),
  },
  "io.atcr.hold.getQuota": {
    request: () => ({ params: { userDid: sandbox.alice.did } }),
  },
  "io.atcr.hold.setStats": {
    auth: true,
    request: () => ({
      input: {
        ownerDid: sandbox.alice.did,
        repository: "app",
        pullCount: 5,
      },
    }),
  },
  "io.atcr.hold.updateCrewTier": {
    auth: true,
    request: () => ({ input: { userDid: sandbox.alice.did, tierRank: 0 } }),
  },
  "io.atcr.hold.exportUserData": { auth: true, request: () => ({}) },
  "io.atcr.hold.deleteUserData": {
    auth: true,
    request: () => ({ input: {} }),
  },
};

/** Served over WebSockets. */
const STREAMS = ["com.atproto.sync.subscribeRepos"];

type Method = Extract<
  LexUserType,
  { type: "query" | "procedure" | "subscription" }
>;

/** Every method of every lexicon. */
const methods = documents.flatMap(({ id, defs }): [string, Method][] => {
  const { main } = defs;
  return main?.type === "query" || main?.type === "procedure" ||
      main?.type === "subscription"
    ? [[id, main]]
    : [];
});

function methodOf(nsid: string): Method {
  const found = methods.find(([id]) => id === nsid);
  assert.ok(found, `${nsid} has no lexicon`);
  return found[1];
}

/** Sends the example of a method, with changes. */
async function send(
  nsid: string,
  change: (request: XrpcRequest) => XrpcRequest = (request) => request,
): Promise<XrpcAnswer> {
  const example = EXAMPLES[nsid];
  assert.ok(example);
  const request = await example.request();
  const token = example.auth ? await tokenFor(nsid) : undefined;
  const { type } = methodOf(nsid);
  const method = type === "procedure" ? "POST" : "GET";
  return await xrpc(hold.origin, nsid, change({ method, token, ...request }));
}

/** An answer that is an error with a name that the lexicon has. */
function assertRefused(nsid: string, answer: XrpcAnswer, what: string) {
  assert.ok(
    answer.status >= 400 && answer.status < 500,
    `${nsid} ${what}: ${answer.status} ${JSON.stringify(answer.body)}`,
  );
  const { error } = errorBody.parse(answer.body, {
    error: () => `${nsid} ${what}: ${JSON.stringify(answer.body)}`,
  });
  const named = (methodOf(nsid).errors ?? []).map(({ name }) => name);
  assert.ok(
    [...GENERIC, ...named].includes(error),
    `${nsid} ${what}: ${error} is not an error of its lexicon`,
  );
}

Deno.test("every method that is served answers as its lexicon says", async () => {
  for (const [nsid, { then }] of Object.entries(EXAMPLES)) {
    const answer = await send(nsid);
    assert.equal(answer.status, 200, `${nsid}: ${JSON.stringify(answer.body)}`);
    const method = methodOf(nsid);
    assert.ok(method.type !== "subscription");
    const { output } = method;
    assert.ok(output, nsid);
    const type = answer.headers.get("content-type") ?? "";
    if (output.encoding !== "*/*") {
      assert.equal(type.split(";")[0], output.encoding, nsid);
    }
    if (output.schema && nsid.startsWith("io.atcr.")) {
      // Only our own check knows records inside of answers.
      const valid = validateXrpcOutput(nsid, answer.body);
      assert.deepEqual(valid, { valid: true }, nsid);
    } else if (output.schema) {
      lexicons.assertValidXrpcOutput(nsid, jsonToLex(answer.body as never));
    } else assert.ok(answer.bytes.length > 0, nsid);
    then?.(answer);
  }
});

Deno.test("methods of the lexicons that are not served are told to be unknown", async () => {
  const served = [...Object.keys(EXAMPLES), ...STREAMS];
  const unknown = methods.filter(([nsid]) => !served.includes(nsid));
  assert.ok(unknown.length > 100);
  for (const [nsid, { type }] of unknown) {
    const method = type === "procedure" ? "POST" : "GET";
    const { status, body } = await xrpc(hold.origin, nsid, { method });
    assert.equal(status, 501, nsid);
    assert.equal(errorBody.parse(body).error, "MethodNotImplemented");
  }
  for (const nsid of ["com.example.nothing", "x", "com.atproto.repo"]) {
    assert.equal((await xrpc(hold.origin, nsid)).status, 501, nsid);
  }
  const missing = methods.map(([nsid]) => nsid)
    .filter((nsid) => nsid.startsWith("io.atcr.hold."))
    .filter((nsid) => !served.includes(nsid));
  // Scans are left to those who run a scanner.
  assert.deepEqual(missing, ["io.atcr.hold.subscribeScanJobs"]);
});

Deno.test("methods that change or tell something personal want to know who asks", async () => {
  for (const [nsid, { auth }] of Object.entries(EXAMPLES)) {
    if (!auth) continue;
    const answer = await send(nsid, (request) => ({
      ...request,
      token: undefined,
    }));
    assert.equal(answer.status, 401, nsid);
    assertRefused(nsid, answer, "without a token");
  }
});

Deno.test("a query is no procedure and a procedure no query", async () => {
  for (const nsid of Object.keys(EXAMPLES)) {
    const { type } = methodOf(nsid);
    const method = type === "query" ? "POST" : "GET";
    const { input: _, ...rest } = await EXAMPLES[nsid]?.request() ?? {};
    const answer = await xrpc(hold.origin, nsid, { ...rest, method });
    assertRefused(nsid, answer, `by ${method}`);
  }
});

/** Values that no property of a lexicon is. */
const NO_VALUES = {
  string: [1, true, null, {}, ["x"]],
  integer: ["1", 1.5, true, null, {}],
  boolean: ["yes", 1, null],
  array: ["x", {}, null],
  object: ["x", 1, null],
} as const;

/** Properties that registries of others leave out, and what is made of that. */
const SPARED: Readonly<Record<string, readonly string[]>> = {
  // Early registries name the tag only.
  "io.atcr.hold.notifyManifest": ["manifestDigest"],
  // The hold knows which parts came through it.
  "io.atcr.hold.completeUpload": ["parts"],
};

/** What a schema wants of one property. */
interface Property {
  readonly type: string;
  readonly format?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Wrong values for a property, by what its lexicon says. */
function wrongValues(property: Property): unknown[] {
  const { type, format, maxLength, minimum, maximum } = property;
  const wrong: unknown[] = [];
  if (type in NO_VALUES) {
    wrong.push(...NO_VALUES[type as keyof typeof NO_VALUES]);
  }
  if (format !== undefined) wrong.push("", "no such thing", "x".repeat(3_000));
  if (maxLength !== undefined && type === "string") {
    wrong.push("x".repeat(maxLength + 1));
  }
  if (minimum !== undefined) wrong.push(minimum - 1);
  if (maximum !== undefined) wrong.push(maximum + 1);
  return wrong;
}

Deno.test("parameters that are missing or wrong are refused", async () => {
  let tried = 0;
  for (const nsid of Object.keys(EXAMPLES)) {
    const method = methodOf(nsid);
    if (!("parameters" in method) || !method.parameters) continue;
    const { properties, required = [] } = method.parameters;
    for (const [name, property] of Object.entries(properties)) {
      if (required.includes(name)) {
        const answer = await send(nsid, (request) => {
          const { [name]: _, ...params } = { ...request.params };
          return { ...request, params };
        });
        assertRefused(nsid, answer, `without ${name}`);
        tried++;
      }
      // As text, everything is a string.
      const values = wrongValues(property as Property)
        .filter((value) =>
          property.type === "string"
            ? typeof value === "string"
            : typeof value !== "object" && String(Number(value)) !== "1"
        );
      for (const value of values) {
        const answer = await send(nsid, (request) => ({
          ...request,
          params: { ...request.params, [name]: String(value) },
        }));
        assertRefused(nsid, answer, `${name}=${String(value).slice(0, 20)}`);
        tried++;
      }
    }
  }
  assert.ok(tried > 50, `${tried} calls`);
});

Deno.test("input that is missing or wrong is refused", async () => {
  let tried = 0;
  for (const nsid of Object.keys(EXAMPLES)) {
    const method = methodOf(nsid);
    if (method.type !== "procedure") continue;
    const { schema } = method.input ?? {};
    if (schema?.type !== "object") continue;
    const refused = async (what: string, input: unknown) => {
      const answer = await send(nsid, (request) => ({ ...request, input }));
      assertRefused(nsid, answer, what);
      tried++;
    };
    await refused("no JSON", new TextEncoder().encode("{"));
    await refused("not UTF-8", new Uint8Array([0x22, 0xff, 0x22]));
    for (const value of [null, 1, "x", []]) {
      await refused(`input ${JSON.stringify(value)}`, value);
    }
    const { input } = await EXAMPLES[nsid]?.request() ?? {};
    const good = z.record(z.string(), z.unknown()).parse(input);
    const properties = Object.entries(schema.properties ?? {});
    for (const [name, property] of properties) {
      const spared = SPARED[nsid]?.includes(name);
      if (schema.required?.includes(name) && !spared) {
        const { [name]: _, ...rest } = good;
        await refused(`without ${name}`, rest);
      }
      const nullable = schema.nullable ?? [];
      for (const value of wrongValues(property as Property)) {
        if (value === null && nullable.includes(name)) continue;
        const shown = JSON.stringify(value).slice(0, 20);
        await refused(`${name} ${shown}`, { ...good, [name]: value });
      }
    }
  }
  assert.ok(tried > 150, `${tried} calls`);
});

Deno.test("every message of the event stream is one of its lexicon", async () => {
  const nsid = "com.atproto.sync.subscribeRepos";
  const url = new URL(`/xrpc/${nsid}?cursor=0`, hold.origin);
  url.protocol = "ws:";
  const socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const kinds = new Set<string>();
  const enough = Promise.withResolvers<void>();
  socket.onmessage = ({ data }) => {
    try {
      const { header, body } = decodeFrame(new Uint8Array(data));
      const { t } = z.object({ t: z.string() }).parse(header);
      const members = z.record(z.string(), z.unknown()).parse(body);
      lexicons.assertValidXrpcMessage(nsid, {
        $type: `${nsid}${t}`,
        ...members,
      });
      kinds.add(t);
      if (t === "#commit" && kinds.size === 4) enough.resolve();
    } catch (error) {
      enough.reject(error);
    }
  };
  await enough.promise;
  socket.close();
  assert.deepEqual([...kinds].sort(), [
    "#account",
    "#commit",
    "#identity",
    "#sync",
  ]);
  for (const cursor of ["x", "-1", "1.5"]) {
    const answer = await xrpc(hold.origin, nsid, { params: { cursor } });
    assertRefused(nsid, answer, `cursor=${cursor}`);
  }
  assertRefused(nsid, await xrpc(hold.origin, nsid), "by GET");
});
