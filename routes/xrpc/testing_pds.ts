/**
 * A repo with its XRPC methods, for tests.
 *
 * @module
 */

import assert from "node:assert/strict";
import { Hono } from "@hono/hono";
import { schemas } from "@atproto/api";
import { jsonToLex, Lexicons } from "@atproto/lexicon";
import { AppError } from "../../lib/errors.ts";
import { HoldFeeds } from "../../lib/hold/feeds/feeds.ts";
import { RepoBlobs } from "../../lib/repo/blobs.ts";
import { didDocument } from "../../lib/repo/identity/did_document.ts";
import { assertRecord } from "../../lib/atproto/lexicon/record_validator.ts";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { openTestRepo, TEST_DID } from "../../tests/support/repo.ts";
import { type AppEnv, surface } from "../middleware.ts";
import { createTestApp } from "../testing_app.ts";
import { pdsMethods } from "./methods.ts";
import { mountHealth, mountMethods, mountUnknownMethods } from "./mount.ts";
import { silentLogger } from "../../lib/testing_log.ts";

const lexicons = new Lexicons(schemas);
/** The handle of the hold. */
export const HANDLE = "hold.example.com";
/** A collection without a lexicon. */
export const NOTE = "com.example.note";
/** CID of a missing block. */
export const OTHER_CID =
  "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
/** Namespace of the methods that write and read records. */
export const REPO = "com.atproto.repo";
/** Namespace of the methods for mirrors. */
export const SYNC = "com.atproto.sync";

/** Opens an empty repo with its methods; `get`, `json`, `post` and `call` make requests to them. */
export async function openPds(handle = HANDLE) {
  const { repo, kv, signer, clock } = await openTestRepo({
    validator: { assertRecord },
  });
  const app = createTestApp();
  const asked: string[] = [];
  const xrpc = new Hono<AppEnv>();
  const methods = pdsMethods({
    account: { did: TEST_DID, handle },
    repo,
    feeds: new HoldFeeds({ kv, clock, records: repo }),
    blobs: new RepoBlobs({
      did: TEST_DID,
      kv,
      store: new MemoryBlobStore(clock),
      objectKey: (id) => `pds/${id}`,
      clock,
      log: silentLogger,
    }),
    didDocument: didDocument({
      did: TEST_DID,
      host: handle,
      signingKey: signer.didKey,
      pds: "https://hold.example.com",
      services: {},
    }),
    authorize: (request, lxm) => {
      asked.push(lxm);
      if (request.headers.get("authorization") === "Bearer captain") {
        return Promise.resolve(TEST_DID);
      }
      throw new AppError("UNAUTHORIZED", "Send a service token.");
    },
    permit: () => Promise.resolve(),
    ociBlob: (_request, digest) => Promise.resolve(new Response(digest)),
    baseUrl: "https://hold.example.com",
    written: () => {},
    links: { privacyPolicy: "https://hold.example.com/privacy" },
  });
  mountMethods(xrpc, methods);
  mountHealth(xrpc, "1.2.3");
  mountUnknownMethods(xrpc);
  app.use("/xrpc/*", surface("xrpc"));
  app.route("/xrpc", xrpc);

  const get = (
    nsid: string,
    params: Record<string, string | string[]> = {},
    init: RequestInit = {},
  ) => {
    const query = new URLSearchParams(
      Object.entries(params).flatMap(([name, value]) =>
        [value].flat().map((one) => [name, one])
      ),
    );
    return Promise.resolve(app.request(`/xrpc/${nsid}?${query}`, init));
  };
  /** The JSON output of a query, validated against its lexicon. */
  const json = async (
    nsid: string,
    params: Record<string, string | string[]> = {},
  ) => {
    const response = await get(nsid, params);
    assert.equal(response.status, 200, await response.clone().text());
    return await checked(nsid, response);
  };
  const post = (nsid: string, body: unknown, token = "captain") =>
    Promise.resolve(app.request(`/xrpc/${nsid}`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${token}`,
      },
      body: JSON.stringify(body),
    }));
  /** The JSON output of a procedure, with input and output validated against the lexicon. */
  const call = async (nsid: string, body: Record<string, unknown>) => {
    lexicons.assertValidXrpcInput(nsid, jsonToLex(structuredClone(body)));
    const response = await post(nsid, body);
    assert.equal(response.status, 200, await response.clone().text());
    return await checked(nsid, response);
  };
  return { methods, app, repo, kv, signer, get, json, post, call, asked };
}

async function checked(nsid: string, response: Response) {
  const body = await response.json();
  lexicons.assertValidXrpcOutput(nsid, jsonToLex(structuredClone(body)));
  return body;
}

/** Asserts that the response is the error `name`, with a sentence. */
export async function refused(
  answer: Promise<Response>,
  status: number,
  name: string,
): Promise<void> {
  const response = await answer;
  const body = await response.json();
  assert.equal(body.error, name, JSON.stringify(body));
  assert.equal(response.status, status);
  assert.ok(body.message.length > 10);
}
