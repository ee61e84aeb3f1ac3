/**
 * Profiles of accounts of the sandbox network.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Sandbox } from "../../sandbox/launch.ts";
import { blobCid } from "./avatar_network.ts";
import type { TestAccount } from "./server.ts";

/** Uploads a picture for `account` and sets it in its profile record; returns its CID. */
export async function setAvatar(
  { pds }: Pick<Sandbox, "pds">,
  account: TestAccount,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<string> {
  const call = async (
    method: string,
    body: BodyInit,
    headers: Record<string, string>,
  ) => {
    const response = await fetch(`${pds}/xrpc/${method}`, {
      method: "POST",
      body,
      headers,
    });
    const answer = await response.json();
    assert.ok(response.ok, JSON.stringify(answer));
    return answer;
  };
  const json = { "content-type": "application/json" };
  const { accessJwt } = await call(
    "com.atproto.server.createSession",
    JSON.stringify({ identifier: account.did, password: account.appPassword }),
    json,
  );
  const authorization = `Bearer ${accessJwt}`;
  const { blob } = await call("com.atproto.repo.uploadBlob", bytes, {
    authorization,
    "content-type": "image/jpeg",
  });
  await call(
    "com.atproto.repo.putRecord",
    JSON.stringify({
      repo: account.did,
      collection: "app.bsky.actor.profile",
      rkey: "self",
      record: { $type: "app.bsky.actor.profile", avatar: blob },
    }),
    { authorization, ...json },
  );
  return blobCid(bytes);
}
