import assert from "node:assert/strict";
import { XrpcFailure } from "../../atproto/pds/xrpc.ts";
import type { Did } from "../../did.ts";
import { NonceRetry } from "./nonce_retry.ts";

const ALICE: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

const refusal = (error = "use_dpop_nonce") =>
  new XrpcFailure("com.atproto.repo.uploadBlob", 401, error, "", undefined);

/** A server with single-use nonces, and a client that retries once by itself. */
function server() {
  let current = 0;
  let known = 0;
  const once = async () => {
    const nonce = known;
    await new Promise((resolve) => setTimeout(resolve, 1));
    const good = nonce === current;
    known = ++current;
    return good;
  };
  return async (): Promise<string> => {
    if (await once() || await once()) return "done";
    throw refusal();
  };
}

Deno.test("parallel requests all succeed where nonces are single-use", async () => {
  const send = server();
  const retries = new NonceRetry();
  const results = await Promise.all(
    Array.from({ length: 30 }, () => retries.run(ALICE, send)),
  );
  assert.deepEqual(new Set(results), new Set(["done"]));
});

Deno.test("retries end at a server that accepts no nonce at all", async () => {
  let tries = 0;
  const send = () => {
    tries++;
    return Promise.reject(refusal());
  };
  await assert.rejects(new NonceRetry().run(ALICE, send), XrpcFailure);
  assert.equal(tries, 6);
});

Deno.test("other errors are passed on at once", async () => {
  let tries = 0;
  const send = () => {
    tries++;
    return Promise.reject(refusal("invalid_token"));
  };
  await assert.rejects(new NonceRetry().run(ALICE, send), XrpcFailure);
  assert.equal(tries, 1);
});
