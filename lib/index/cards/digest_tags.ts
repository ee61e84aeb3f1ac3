/**
 * Which tags, in which repositories, point at a manifest.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import type { Digest } from "../../oci/digest.ts";
import { cardKeys } from "./kv_keys.ts";

/** Repositories with a tag that points at a manifest, at most `limit`; one look each. */
export async function* repositoriesOf(
  kv: Kv,
  did: Did,
  digest: Digest,
  limit: number,
): AsyncGenerator<string> {
  const prefix = cardKeys.digestTags(did, digest);
  let start: Key = prefix;
  for (let count = 0; count < limit; count++) {
    const selector = start === prefix ? { prefix } : { prefix, start };
    let repo: string | undefined;
    for await (const { key } of kv.list(selector, { limit: 1 })) {
      repo = String(key[prefix.length]);
    }
    if (repo === undefined) return;
    yield repo;
    start = [...prefix, `${repo}\0`];
  }
}
