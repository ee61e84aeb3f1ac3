/**
 * Records of manifests of one account, several of them in one commit. That is
 * the way of new records whose key is their digest; anything else is left to be
 * applied alone, see {@linkcode ManifestRecords}.
 *
 * @module
 */

import { isDeepStrictEqual } from "node:util";
import { OWNER_COLLECTIONS } from "../../../atproto/records/collections.ts";
import { manifestRkey } from "../../../atproto/records/rkeys.ts";
import type { Did } from "../../../did.ts";
import type { Entry, Kv } from "../../../kv/kv.ts";
import { KV_LIMITS } from "../../../kv/limits.ts";
import type { Digest } from "../../../oci/digest.ts";
import type { RecordChange } from "../../record_change.ts";
import { deleteFacts, rowsOfFacts, setFacts } from "../facts_rows.ts";
import { cardKeys } from "../kv_keys.ts";
import { type NamedManifest, namedManifest } from "../record_facts.ts";
import { isOlder } from "../revision.ts";
import type { FactsRow } from "../rows.ts";

export interface ManifestsTogetherDeps {
  kv: Kv;
  /** For records that name no hold. */
  defaultHold: Did;
  /** Manifests that one owner may have by way of the network. */
  maxManifests: number;
}

/** A change that can be applied with others. */
interface Plain {
  readonly change: RecordChange;
  readonly named: NamedManifest;
}

const { manifest: MANIFEST } = OWNER_COLLECTIONS;

/** Manifests of one commit, which checks each. */
const TOGETHER = KV_LIMITS.checks;

/** Bytes of keys in one commit; a key has about 120 bytes besides the name. */
const MAX_KEY_BYTES = KV_LIMITS.commitKeyBytes / 2;
const KEY_BYTES = 120;

/** Applies plain changes of manifests. */
export class ManifestsTogether {
  readonly #deps: ManifestsTogetherDeps;

  constructor(deps: ManifestsTogetherDeps) {
    this.#deps = deps;
  }

  /** Applies changes of different records of `did`; returns those that are to be applied alone, in order, and the manifests whose cards may be to be refreshed. */
  async apply(
    did: Did,
    changes: readonly RecordChange[],
  ): Promise<{ left: readonly RecordChange[]; digests: readonly Digest[] }> {
    const plain: Plain[] = [];
    for (const change of changes) {
      const named = this.#plainManifest(change);
      if (!named) return { left: changes, digests: [] };
      plain.push({ change, named });
    }
    const left: RecordChange[] = [];
    const digests: Digest[] = [];
    for (const some of partsOf(did, plain)) {
      const done = await this.#commit(did, some);
      if (done) digests.push(...done);
      else left.push(...some.map(({ change }) => change));
    }
    return { left, digests };
  }

  /** Undefined for what has to be looked at closely. */
  #plainManifest({ record, rkey, at }: RecordChange) {
    const named = namedManifest(record, at, this.#deps.defaultHold);
    if ("reason" in named) return undefined;
    return manifestRkey(named.digest) === rkey ? named : undefined;
  }

  /** The manifests that the changes are about; undefined when they have to be applied alone. */
  async #commit(
    did: Did,
    plain: readonly Plain[],
  ): Promise<Digest[] | undefined> {
    const { kv, maxManifests } = this.#deps;
    const found = await kv.getMany<unknown>(
      plain.flatMap(({ change: { rkey }, named: { digest } }) => [
        cardKeys.manifest(did, digest),
        cardKeys.gone(did, MANIFEST, rkey),
        cardKeys.manifestRecord(did, rkey),
      ]),
    );
    const commit = kv.atomic();
    const digests: Digest[] = [];
    let [added, writes] = [0, 0];
    for (const [i, { change, named }] of plain.entries()) {
      const [facts, gone, map] = found.slice(3 * i, 3 * i + 3);
      const { rev } = change;
      const goneRev = gone?.value as string | undefined;
      const before = facts as Entry<FactsRow> | undefined;
      const old = before?.value;
      // The record was one of another manifest, or another one is of this.
      if (map || old?.rkey !== undefined) return undefined;
      if (rev !== undefined && goneRev !== undefined && rev <= goneRev) {
        continue;
      }
      if (isOlder(change, old && { rev: old.rev, at: old.createdAt })) continue;
      digests.push(named.digest);
      const next = factsAfter(change, named, old);
      if (old && saysTheSame(old, next)) continue;
      writes++;
      const key = cardKeys.manifest(did, named.digest);
      commit.check(key, before?.versionstamp ?? null);
      if (old) deleteFacts(commit, did, named.digest, old);
      else added++;
      setFacts(commit, did, named.digest, next);
    }
    if (writes === 0) return digests;
    if (added > 0) {
      const bound = cardKeys.bound(did);
      if (await kv.counter(bound) + BigInt(added) > maxManifests) {
        return undefined;
      }
      commit.sum(bound, BigInt(added));
    }
    return await commit.commit() ? digests : undefined;
  }
}

/** As many as one commit may check, and as their keys may be long. */
function* partsOf(did: Did, plain: readonly Plain[]): Generator<Plain[]> {
  let [part, bytes]: [Plain[], number] = [[], 0];
  for (const one of plain) {
    const { digest, facts } = one.named;
    const rows = 1 + rowsOfFacts(did, digest, facts).length;
    const more = rows * (did.length + KEY_BYTES);
    const isFull = part.length === TOGETHER || bytes + more > MAX_KEY_BYTES;
    if (part.length > 0 && isFull) {
      yield part;
      [part, bytes] = [[], 0];
    }
    part.push(one);
    bytes += more;
  }
  if (part.length > 0) yield part;
}

/** The facts of a manifest when its record is applied. */
export function factsAfter(
  { rkey, rev }: RecordChange,
  { digest, facts }: NamedManifest,
  old: FactsRow | undefined,
): FactsRow {
  const { repo, holdDid, createdAt } = facts;
  return {
    // The bytes say more than the record.
    ...(old?.exact ? withoutPlace(old) : facts),
    ...{ repo, holdDid, createdAt },
    ...(rkey === manifestRkey(digest) ? {} : { rkey }),
    ...(rev === undefined ? {} : { rev }),
  };
}

/** Whether two rows differ in nothing but the revision. */
export function saysTheSame(a: FactsRow, b: FactsRow): boolean {
  return isDeepStrictEqual(withoutRev(a), withoutRev(b));
}

function withoutPlace({ rkey: _, rev: __, ...facts }: FactsRow): FactsRow {
  return facts;
}

function withoutRev({ rev: _, ...facts }: FactsRow) {
  return facts;
}
