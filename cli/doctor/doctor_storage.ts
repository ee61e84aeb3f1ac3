/**
 * Checks of `doctor` on the storage of blobs.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { AppContext } from "../../lib/context.ts";
import { StorageKeys } from "../../lib/storage/object_keys.ts";
import { type DoctorCheck, fail, type Finding, ok } from "./doctor_finding.ts";
import { operatorFetch } from "../operator_fetch.ts";

/** Timeout of a request, in milliseconds. */
const TIMEOUT_MS = 10_000;

/** The checks. */
export const STORAGE_CHECKS: readonly DoctorCheck[] = [
  { name: "storage", run: storage },
];

/** Writes, reads and deletes an object, also as a client would. */
async function storage(ctx: AppContext): Promise<Finding[]> {
  const { store, config } = ctx;
  await store.check(AbortSignal.timeout(TIMEOUT_MS));
  const keys = new StorageKeys(config.storage.prefix);
  const key = keys.upload(`doctor-${crypto.randomUUID()}`);
  const bytes = crypto.getRandomValues(new Uint8Array(1_000));
  await store.put(key, bytes);
  try {
    const found = await store.get(key);
    const read = new Uint8Array(
      await new Response(found?.body ?? null).arrayBuffer(),
    );
    if (!same(read, bytes)) {
      return [
        fail("An object was read back with other bytes than were written."),
      ];
    }
    const findings = [
      ok(`Writes and reads work with the driver ${store.driver}.`),
    ];
    if (store.presignGet && config.hold.presigned_urls) {
      const { url } = await store.presignGet(key, { expiresInSeconds: 60 });
      findings.push(await signedUrl(url, bytes));
    }
    return findings;
  } finally {
    await store.delete(key);
  }
}

async function signedUrl(url: string, bytes: Uint8Array): Promise<Finding> {
  const { origin } = new URL(url);
  const advice =
    "clients are sent there; look at storage.s3.public_endpoint and " +
    "storage.s3.cdn_host, or switch hold.presigned_urls off.";
  try {
    const response = await operatorFetch(url, {
      headers: { range: "bytes=10-19" },
      timeoutMs: TIMEOUT_MS,
    });
    const read = new Uint8Array(await response.arrayBuffer());
    if (response.status === 206 && same(read, bytes.subarray(10, 20))) {
      return ok(`Signed addresses at ${origin} work, with ranges.`);
    }
    return fail(
      `A signed address at ${origin} answers with status ${response.status}; ${advice}`,
    );
  } catch {
    return fail(`Nobody answers at ${origin}; ${advice}`);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
