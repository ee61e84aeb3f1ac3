/**
 * Index over the layer records: which blobs count for which account and which
 * manifests need them. The records in the repo are authoritative; the garbage
 * collection repairs these rows.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Clock } from "../../clock.ts";
import type { Atomic, Key, Kv } from "../../kv/kv.ts";
import { type Digest, isDigest } from "../../oci/digest.ts";
import { holdKeys } from "../kv_keys.ts";
import {
  type LayerEntry,
  type ManifestRow,
  MAX_EXTRA,
  rowsOfEntry,
  rowsOfManifest,
} from "./layer_rows.ts";
import type { JoinedRow } from "../../kv/joined_rows.ts";

/** Notified of the blobs that an account's manifests need, after the rows were written. */
export interface ClaimObserver {
  claimed(
    user: Did,
    blobs: readonly { digest: Digest; size: number }[],
  ): Promise<void>;
  claimedDigests(user: Did, digests: readonly Digest[]): Promise<void>;
  /** Another manifest of the account may still need them. */
  released(user: Did, digests: readonly Digest[]): Promise<number>;
}

type UserRow = Pick<LayerEntry, "size" | "manifest">;
type LayerRow = Pick<LayerEntry, "digest" | "size" | "userDid">;

/** Entries of one commit; three keys each, and a commit has at most 80 KiB of keys. */
const BATCH = 40;

/** Longer than a push event is kept, in milliseconds. */
const AGAIN_MS = 2 * 24 * 3_600_000;

/** The rows of the index. */
export class LayerIndex {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #claims: ClaimObserver;

  constructor(deps: { kv: Kv; clock: Clock; claims: ClaimObserver }) {
    this.#kv = deps.kv;
    this.#clock = deps.clock;
    this.#claims = deps.claims;
  }

  /** Adds layer records; idempotent. */
  async add(entries: readonly LayerEntry[]): Promise<void> {
    await this.#batches(entries, addEntry);
    for (const [user, owned] of byUser(entries)) {
      await this.#claims.claimed(user, owned);
    }
  }

  /** Removes layer records. */
  async remove(entries: readonly LayerEntry[]): Promise<void> {
    await this.#batches(entries, (atomic, entry) => {
      const { rkey, digest, manifest, userDid } = entry;
      atomic
        .delete(holdKeys.userLayer(userDid, digest, rkey))
        .delete(holdKeys.manifestLayer(manifest, rkey))
        .delete(holdKeys.blobUse(digest, manifest));
    });
    for (const [user, owned] of byUser(entries)) {
      await this.#claims.released(user, owned.map(({ digest }) => digest));
    }
  }

  /** Stores a manifest and the blobs it needs in addition to those with layer records. */
  async putManifest(uri: string, row: ManifestRow): Promise<void> {
    const atomic = this.#kv.atomic();
    const extra = setManifest(atomic, uri, row);
    await atomic.commit();
    await this.#claims.claimedDigests(row.userDid, extra);
  }

  /**
   * Like {@linkcode add} and {@linkcode putManifest}, for the layer records of
   * one manifest: in one commit if they are as few as usual.
   */
  async addManifest(
    uri: string,
    row: ManifestRow,
    entries: readonly LayerEntry[],
  ): Promise<void> {
    if (entries.length + row.extra.length > BATCH) {
      await this.add(entries);
      return await this.putManifest(uri, row);
    }
    const atomic = this.#kv.atomic();
    for (const { key, row: value } of this.rowsOf(uri, row, entries)) {
      atomic.set(key, value);
    }
    await atomic.commit();
    await this.claimed(row, entries.map(({ digest }) => digest));
  }

  /**
   * The rows of {@linkcode addManifest}, for the commit that creates the layer
   * records; call {@linkcode claimed} afterwards.
   */
  rowsOf(
    uri: string,
    row: ManifestRow,
    entries: readonly LayerEntry[],
  ): JoinedRow[] {
    return [...entries.flatMap(rowsOfEntry), ...rowsOfManifest(uri, row)];
  }

  /** Reports that the rows of {@linkcode rowsOf} are stored. */
  async claimed(
    row: ManifestRow,
    digests: readonly Digest[],
  ): Promise<void> {
    const all = [...digests, ...row.extra.slice(0, MAX_EXTRA)];
    await this.#claims.claimedDigests(row.userDid, all);
  }

  /** Deletes a manifest; its layer records are removed with {@linkcode remove}. */
  async removeManifest(uri: string): Promise<void> {
    const row = await this.manifest(uri);
    const atomic = this.#kv.atomic()
      .delete(holdKeys.manifest(uri))
      .set(holdKeys.manifestAgain(uri), crypto.randomUUID(), {
        expiresAt: this.#clock.now() + AGAIN_MS,
      });
    for (const digest of row?.extra ?? []) {
      atomic.delete(holdKeys.blobUse(digest, uri));
    }
    await atomic.commit();
    if (row) await this.#claims.released(row.userDid, row.extra);
  }

  /**
   * Changes with each {@linkcode removeManifest} of the last days; part of the
   * identity of a push.
   */
  async generation(uri: string): Promise<string> {
    const entry = await this.#kv.get<string>(holdKeys.manifestAgain(uri));
    return entry?.value ?? "";
  }

  /** The row of a manifest. */
  async manifest(uri: string): Promise<ManifestRow | undefined> {
    return (await this.#kv.get<ManifestRow>(holdKeys.manifest(uri)))?.value;
  }

  /** All accounts with a manifest here. */
  async *owners(): AsyncIterableIterator<Did> {
    const prefix = holdKeys.manifests;
    let start: Key = prefix;
    // One read per owner: skip the remaining manifests of the last one.
    while (true) {
      const selector = start === prefix ? { prefix } : { prefix, start };
      let found: ManifestRow | undefined;
      let uri = "";
      const rows = this.#kv.list<ManifestRow>(selector, { limit: 1 });
      for await (const { key, value } of rows) {
        found = value;
        uri = String(key[2]);
      }
      if (!found) return;
      yield found.userDid;
      start = [...prefix, `${uri.split("/", 3).join("/")}0`];
    }
  }

  /** All manifests, or those of `owner`. */
  async *manifests(
    owner?: Did,
  ): AsyncIterableIterator<{ uri: string; row: ManifestRow }> {
    const rows = this.#kv.list<ManifestRow>(
      owner === undefined
        ? { prefix: holdKeys.manifests }
        : holdKeys.manifestsOf(owner),
    );
    for await (const { key, value } of rows) {
      yield { uri: String(key[2]), row: value };
    }
  }

  /** Whether a layer record is in the index. */
  async has(entry: LayerEntry): Promise<boolean> {
    const { manifest, rkey } = entry;
    return await this.#kv.get(holdKeys.manifestLayer(manifest, rkey)) !==
      undefined;
  }

  /** The layer records of a manifest. */
  async ofManifest(uri: string): Promise<LayerEntry[]> {
    const found: LayerEntry[] = [];
    const rows = this.#kv.list<LayerRow>({
      prefix: holdKeys.manifestLayers(uri),
    });
    for await (const { key, value } of rows) {
      found.push({ ...value, rkey: String(key[3]), manifest: uri });
    }
    return found;
  }

  /** The layer records that count for `user`, by digest. */
  async *ofUser(user: Did): AsyncIterableIterator<LayerEntry> {
    const rows = this.#kv.list<UserRow>({ prefix: holdKeys.userLayers(user) });
    for await (const { key, value } of rows) {
      const digest = String(key[3]);
      if (!isDigest(digest)) continue;
      yield { ...value, rkey: String(key[4]), digest, userDid: user };
    }
  }

  /** AT-URI of a manifest that needs the blob; undefined when none does. */
  async user(digest: Digest): Promise<string | undefined> {
    const uses = this.#kv.list({ prefix: holdKeys.blobUses(digest) }, {
      limit: 1,
    });
    for await (const { key } of uses) return String(key[3]);
    return undefined;
  }

  async #batches(
    entries: readonly LayerEntry[],
    change: (
      atomic: Atomic,
      entry: LayerEntry,
    ) => void,
  ): Promise<void> {
    for (let i = 0; i < entries.length; i += BATCH) {
      const atomic = this.#kv.atomic();
      for (const entry of entries.slice(i, i + BATCH)) change(atomic, entry);
      await atomic.commit();
    }
  }
}

function addEntry(atomic: Atomic, entry: LayerEntry): void {
  for (const { key, row } of rowsOfEntry(entry)) atomic.set(key, row);
}

/** Returns the blobs without layer record in the row. */
function setManifest(
  atomic: Atomic,
  uri: string,
  row: ManifestRow,
): readonly Digest[] {
  for (const { key, row: value } of rowsOfManifest(uri, row)) {
    atomic.set(key, value);
  }
  return row.extra.slice(0, MAX_EXTRA);
}

/** Groups `entries` by the account they count for. */
function byUser(entries: readonly LayerEntry[]): Map<Did, LayerEntry[]> {
  return Map.groupBy(entries, ({ userDid }) => userDid);
}
