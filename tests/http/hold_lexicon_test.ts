/**
 * Every method of the lexicons, the network's and ours: those served by a hold
 * respond as in their lexicon, to valid and invalid input; all others are
 * reported as unknown.
 */

import assert from "node:assert/strict";
import { jsonToLex, parseLexiconDoc } from "@atproto/lexicon";
import { z } from "zod";
import {
  LEXICON_DOCUMENTS,
  NETWORK_DOCUMENTS,
} from "../../lexicons/generated.ts";
import { validateXrpcOutput } from "../../lib/atproto/lexicon/testing.ts";
import { holdEnv, signIn } from "../support/hold.ts";
import {
  lexicons,
  methodOf,
  methods,
  type Property,
  wrongValues,
} from "../support/lexicons.ts";
import { examplesFor } from "../support/method_examples.ts";
import { type Program, startProgram } from "../support/program.ts";
import { startTestSandbox } from "../support/sandbox.ts";
import { freePort } from "../tools/ports.ts";
import { decodeFrame } from "../support/sync_verifier.ts";
import { xrpc, type XrpcAnswer, type XrpcRequest } from "../support/xrpc.ts";

/** A public name of the hold; only its own address is used here. */
const HOST = "hold.example.com";
const DID = `did:web:${HOST}`;

const errorBody = z.strictObject({
  error: z.string().regex(/^[A-Z][A-Za-z]+$/),
  message: z.string().regex(/^.{10,}\.$/s),
});

/** Errors that every method may return. */
const GENERIC = [
  "InvalidRequest",
  "AuthenticationRequired",
  "AuthRequired",
  "Forbidden",
  "MethodNotImplemented",
  "PayloadTooLarge",
];

const opened = new AsyncDisposableStack();
let hold: Program;
let tokenFor: (lxm: string) => Promise<string>;
let examples: ReturnType<typeof examplesFor>;
Deno.test.beforeAll(async () => {
  const sandbox = opened.use(await startTestSandbox());
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
  examples = examplesFor({
    origin: hold.origin,
    did: DID,
    captain: sandbox.alice.did,
    tokenFor,
  });
});
Deno.test.afterAll(() => opened.disposeAsync());

/** Served over WebSockets. */
const STREAMS = ["com.atproto.sync.subscribeRepos"];

/** Methods of scanners. */
const NOT_SERVED = ["io.atcr.hold.subscribeScanJobs"];

Deno.test("every method that has a document here has an example", () => {
  const without = [...LEXICON_DOCUMENTS, ...NETWORK_DOCUMENTS]
    .map((document) => parseLexiconDoc(document))
    .filter(({ id }) => methods.some(([nsid]) => nsid === id))
    .map(({ id }) => id)
    .filter((id) => ![...STREAMS, ...NOT_SERVED].includes(id))
    .filter((id) => examples[id] === undefined);
  assert.ok(
    without.length === 0,
    `add an example of ${without} to tests/support/method_examples.ts`,
  );
});

/** Sends the example of a method, with changes. */
async function send(
  nsid: string,
  change: (request: XrpcRequest) => XrpcRequest = (request) => request,
): Promise<XrpcAnswer> {
  const example = examples[nsid];
  assert.ok(example);
  const request = await example.request();
  const token = example.auth ? await tokenFor(nsid) : undefined;
  const { type } = methodOf(nsid);
  const method = type === "procedure" ? "POST" : "GET";
  return await xrpc(hold.origin, nsid, change({ method, token, ...request }));
}

/** Asserts an error with a name in the lexicon. */
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

Deno.test("every served method responds as in its lexicon", async () => {
  for (const [nsid, { then }] of Object.entries(examples)) {
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
      // Only our own validation covers records in outputs.
      const valid = validateXrpcOutput(nsid, answer.body);
      assert.deepEqual(valid, { valid: true }, nsid);
    } else if (output.schema) {
      lexicons.assertValidXrpcOutput(nsid, jsonToLex(answer.body as never));
    } else assert.ok(answer.bytes.length > 0, nsid);
    then?.(answer);
  }
});

Deno.test("pages of any website may call every method", async () => {
  for (const nsid of [...Object.keys(examples), "com.example.unknown"]) {
    const url = `${hold.origin}/xrpc/${nsid}`;
    const asked = await fetch(url, {
      method: "OPTIONS",
      headers: {
        origin: "https://app.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
      },
    });
    assert.equal(asked.status, 204, nsid);
    assert.equal(
      asked.headers.get("access-control-allow-headers"),
      "authorization,content-type",
    );
    const answers = [asked, await fetch(url, { method: "POST" })];
    for (const { headers, body } of answers) {
      assert.equal(headers.get("access-control-allow-origin"), "*", nsid);
      await body?.cancel();
    }
  }
});

Deno.test("methods of the lexicons that are not served are reported as unknown", async () => {
  const served = [...Object.keys(examples), ...STREAMS];
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
});

Deno.test("methods that change data or return personal data require authentication", async () => {
  for (const [nsid, { auth }] of Object.entries(examples)) {
    if (!auth) continue;
    const answer = await send(nsid, (request) => ({
      ...request,
      token: undefined,
    }));
    assert.equal(answer.status, 401, nsid);
    assertRefused(nsid, answer, "without a token");
  }
});

Deno.test("queries reject POST and procedures reject GET", async () => {
  for (const nsid of Object.keys(examples)) {
    const { type } = methodOf(nsid);
    const method = type === "query" ? "POST" : "GET";
    const { input: _, ...rest } = await examples[nsid]?.request() ?? {};
    const answer = await xrpc(hold.origin, nsid, { ...rest, method });
    assertRefused(nsid, answer, `by ${method}`);
  }
});

/** Properties that other registries omit, and the result. */
const SPARED: Readonly<Record<string, readonly string[]>> = {
  // Early registries name the tag only.
  "io.atcr.hold.notifyManifest": ["manifestDigest"],
  // The hold knows which parts came through it.
  "io.atcr.hold.completeUpload": ["parts"],
};

/** Methods that registries in Go call, which write null for what is absent. */
const NULL_IS_ABSENT = ["io.atcr.hold.notifyManifest"];

Deno.test("parameters that are missing or wrong are refused", async () => {
  let tried = 0;
  for (const nsid of Object.keys(examples)) {
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
  for (const nsid of Object.keys(examples)) {
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
    const { input } = await examples[nsid]?.request() ?? {};
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
        const isAbsent = value === null &&
          (nullable.includes(name) || NULL_IS_ABSENT.includes(nsid));
        if (isAbsent) continue;
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

Deno.test("pages of any website may resolve the hold, preflights included", async () => {
  for (const name of ["did.json", "atproto-did"]) {
    const url = `${hold.origin}/.well-known/${name}`;
    const headers = {
      origin: "https://app.example.com",
      "access-control-request-method": "GET",
      "access-control-request-headers": "x-client",
    };
    for (const method of ["OPTIONS", "GET"]) {
      const { status, body, headers: answered } = await fetch(url, {
        method,
        headers,
      });
      assert.equal(status, method === "GET" ? 200 : 204, name);
      assert.equal(answered.get("access-control-allow-origin"), "*", name);
      await body?.cancel();
    }
  }
});
