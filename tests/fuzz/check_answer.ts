/**
 * Checks that hold for the response to any request.
 *
 * @module
 */

import assert from "node:assert/strict";
import { type Answer, header } from "../bench/wire.ts";
import type { FuzzRequest } from "./requests.ts";

/** Summary of a valid response. */
export interface Checked {
  /** Status and, for refusals, the code. */
  readonly outcome: string;
  /** Whether the request was accepted and may have changed something. */
  readonly changed: boolean;
  /** Where an upload was opened. */
  readonly location: string | undefined;
}

const CODES = new Set([
  "BLOB_UNKNOWN",
  "BLOB_UPLOAD_INVALID",
  "BLOB_UPLOAD_UNKNOWN",
  "DENIED",
  "DIGEST_INVALID",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_INVALID",
  "MANIFEST_UNKNOWN",
  "NAME_INVALID",
  "NAME_UNKNOWN",
  "SIZE_INVALID",
  "TOOMANYREQUESTS",
  "UNAUTHORIZED",
  "UNSUPPORTED",
]);
const READS = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** Asserts that the response is allowed by the distribution specification. */
export function checkAnswer(request: FuzzRequest, answer: Answer): Checked {
  const { status, head, text } = answer;
  assert.ok(status >= 200 && status < 500, `${head}\n${text}`);
  // Dots in the path lead elsewhere before anybody reads it.
  const path = URL.parse(request.target, "http://host")?.pathname ?? "";
  const isOci = path === "/v2" || path.startsWith("/v2/") ||
    path === "/auth/token";
  let code = "";
  if (status >= 400 && isOci && request.method !== "HEAD") {
    code = checkRefusal(answer);
  }
  if (status === 401 && path.startsWith("/v2")) {
    const challenge = header(head, "www-authenticate");
    assert.match(challenge ?? "", /^Bearer realm="http/, head);
  }
  const location = header(head, "location");
  return {
    outcome: `${status} ${code}`.trim(),
    changed: isOci && status < 300 && !READS.has(request.method),
    location: location?.includes("/blobs/uploads/") ? location : undefined,
  };
}

function checkRefusal({ head, text }: Answer): string {
  assert.equal(header(head, "content-type"), "application/json", head + text);
  const { errors } = JSON.parse(text);
  assert.equal(errors.length, 1, text);
  const [{ code, message }] = errors;
  assert.ok(CODES.has(code), text);
  assert.ok(typeof message === "string" && message.length > 10, text);
  return code;
}
