/**
 * Rows of variants in KV: which are stored, how many bytes they take, and why
 * one cannot be rendered. Every object in the store has a row that refers to
 * it: before it is stored and after its row is deleted, it has a row as a
 * stray.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { Semaphore } from "../../async/semaphore.ts";
import { type Clock, isAhead, isWithin } from "../../clock.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import type { Logger } from "../../log.ts";
import {
  imageKey,
  ORIGINAL,
  refusalKey,
  storedBytesKey,
  strayKey,
  variantKey,
  variantKeys,
} from "../kv_keys.ts";
import type { AvatarOptions } from "../options.ts";
import {
  type ImageRow,
  isInStore,
  type OriginalFacts,
  type RefusalRow,
  type VariantRow,
} from "../picture_rows.ts";

export interface VariantRowsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Objects about to be stored. */
export interface Announced {
  readonly dueAt: number;
  readonly names: readonly string[];
}

/** A rendered variant, with its picture. */
export interface MadeVariant {
  readonly row: VariantRow;
  readonly original?: OriginalFacts;
  readonly announced?: Announced;
}

/** Attempts of a commit under contention. */
const MAX_COMMITS = 20;
/** How often the use of a variant is recorded; more often would cost a write per request. */
const TOUCH_MS = 10 * 60_000;
/** How long storing an object may take before it counts as a stray. */
export const ANNOUNCED_MS = 15 * 60_000;

/** The rows of variants, their pictures and refusals. */
export class VariantRows {
  readonly #deps: VariantRowsDeps;
  readonly #options: Pick<AvatarOptions, "negativeTtlMs" | "storeId">;
  /** One commit at a time per picture, to avoid conflicts within the process. */
  readonly #turns = new Semaphore(1);

  constructor(
    deps: VariantRowsDeps,
    options: Pick<AvatarOptions, "negativeTtlMs" | "storeId">,
  ) {
    this.#deps = deps;
    this.#options = options;
  }

  /** Whether a variant is stored. If not, throws the cached error of its picture, if any. */
  async isStored(did: Did, cid: string, name: string): Promise<boolean> {
    const { kv } = this.#deps;
    const found = await kv.get<VariantRow>(variantKey(did, cid, name));
    if (found && isInStore(found.value, this.#options.storeId)) {
      await this.#touch(found);
      return true;
    }
    const refusal = await kv.get<RefusalRow>(refusalKey(did, cid));
    if (!refusal || isAhead(refusal.value.at ?? 0, this.#deps.clock.now())) {
      return false;
    }
    throw new AppError(refusal.value.code, refusal.value.message);
  }

  /** The row of a variant, of whichever store. */
  async find(
    did: Did,
    cid: string,
    name: string,
  ): Promise<VariantRow | undefined> {
    const { kv } = this.#deps;
    return (await kv.get<VariantRow>(variantKey(did, cid, name)))?.value;
  }

  /** Bytes of the stored variants of a picture. */
  async bytesOf(did: Did, cid: string): Promise<number> {
    const { kv } = this.#deps;
    const image = await kv.get<ImageRow>(imageKey(did, cid));
    return image === undefined ? 0 : await this.#bytes(did, cid, image);
  }

  /** Bytes of everything stored, by the counter. */
  async total(): Promise<number> {
    const counted = await this.#deps.kv.counter(storedBytesKey);
    // Objects of earlier versions may be removed before they are counted.
    return Math.max(0, Number(BigInt.asIntN(64, counted)));
  }

  /** Records objects about to be stored, so that they are removed if they are never used. */
  async announce(
    did: Did,
    cid: string,
    names: readonly string[],
  ): Promise<Announced> {
    const { kv, clock } = this.#deps;
    const dueAt = clock.now() + ANNOUNCED_MS;
    const change = kv.atomic();
    for (const name of names) change.set(strayKey(dueAt, did, cid, name), true);
    await change.commit();
    return { dueAt, names };
  }

  /**
   * Stores the rows of a variant and its picture in one commit. Returns false,
   * without storing them, when the variants of the picture would exceed
   * `maxBytes` bytes.
   */
  async record(
    did: Did,
    cid: string,
    name: string,
    { row, original, announced }: MadeVariant,
    maxBytes = Infinity,
  ): Promise<boolean> {
    const { kv } = this.#deps;
    const { storeId } = this.#options;
    return await this.#change(did, cid, async (image) => {
      const before = await kv.get<VariantRow>(variantKey(did, cid, name));
      const added = row.size - (before?.value.size ?? 0);
      const bytes = (image ? await this.#bytes(did, cid, image) : 0) + added;
      if (bytes > maxBytes) return undefined;
      const known = image?.value.original;
      const fresh = known === undefined ? original?.size ?? 0 : 0;
      return {
        image: { bytes, original: original ?? known },
        stored: added + fresh,
        write: (change) => {
          change.check(
            variantKey(did, cid, name),
            before?.versionstamp ?? null,
          ).set(variantKey(did, cid, name), { ...row, store: storeId });
          for (const stray of announced?.names ?? []) {
            change.delete(strayKey(announced?.dueAt ?? 0, did, cid, stray));
          }
        },
      };
    });
  }

  /**
   * Deletes the row of a stored variant; its object becomes a stray. Returns
   * false when the variant was changed, for example used, meanwhile.
   */
  async drop(
    did: Did,
    cid: string,
    name: string,
    seen: Entry<VariantRow>,
  ): Promise<boolean> {
    const now = this.#deps.clock.now();
    let isChanged = false;
    const dropped = await this.#change(did, cid, async (image) => {
      const entry = await this.#deps.kv.get<VariantRow>(seen.key);
      isChanged = entry?.versionstamp !== seen.versionstamp;
      if (isChanged) return undefined;
      const { size } = seen.value;
      const bytes = image ? await this.#bytes(did, cid, image) - size : 0;
      return {
        image: { bytes: Math.max(0, bytes), original: image?.value.original },
        stored: -size,
        write: (change) => {
          change.check(seen.key, seen.versionstamp).delete(seen.key)
            .set(strayKey(now, did, cid, name), true);
        },
      };
    });
    return dropped && !isChanged;
  }

  /** Deletes the row of a picture without variants; the uploaded picture becomes a stray. */
  async dropImage(did: Did, cid: string): Promise<boolean> {
    const { kv, clock } = this.#deps;
    const image = await kv.get<ImageRow>(imageKey(did, cid));
    if (image === undefined) return false;
    for await (const _ of kv.list(variantKeys(did, cid), { limit: 1 })) {
      return false;
    }
    const change = kv.atomic().check(image.key, image.versionstamp)
      .delete(image.key)
      .set(strayKey(clock.now(), did, cid, ORIGINAL), true);
    const size = image.value.original?.size ?? 0;
    if (size > 0) change.sum(storedBytesKey, BigInt(-size));
    return await change.commit();
  }

  /** Records that the object of a variant is missing; returns false when it had no row. */
  async forget(did: Did, cid: string, name: string): Promise<boolean> {
    const { kv, log } = this.#deps;
    const row = await kv.get<VariantRow>(variantKey(did, cid, name));
    if (row === undefined) return false;
    log.warn("stored picture is gone", { did, cid, name });
    // If it loses against another change, the next request detects it.
    await this.drop(did, cid, name, row);
    return true;
  }

  /** Caches a failure, so that it is not retried for a while. */
  async refuse(did: Did, cid: string, error: unknown): Promise<void> {
    if (
      !isAppError(error, "NOT_FOUND", "UNPROCESSABLE", "UNSUPPORTED_MEDIA_TYPE")
    ) return;
    const { kv, clock, log } = this.#deps;
    const { code, message } = error;
    log.info("picture refused", { did, cid, code, cause: error.cause });
    const row: RefusalRow = { code, message, at: clock.now() };
    await kv.set(refusalKey(did, cid), row, {
      expiresAt: clock.now() + this.#options.negativeTtlMs,
    });
  }

  /** Changes the row of a picture and the counter of stored bytes in one commit. */
  async #change(
    did: Did,
    cid: string,
    plan: (image: Entry<ImageRow> | undefined) => Promise<
      | { image: ImageRow; stored: number; write: (change: Atomic) => void }
      | undefined
    >,
  ): Promise<boolean> {
    const { kv } = this.#deps;
    const key = imageKey(did, cid);
    return await this.#turns.run(`${did} ${cid}`, undefined, async () => {
      for (let i = 0; i < MAX_COMMITS; i++) {
        const image = await kv.get<ImageRow>(key);
        const planned = await plan(image);
        if (planned === undefined) return false;
        const change = kv.atomic().check(key, image?.versionstamp ?? null)
          .set(key, planned.image);
        planned.write(change);
        if (planned.stored !== 0) {
          change.sum(storedBytesKey, BigInt(planned.stored));
        }
        if (await change.commit()) return true;
      }
      throw new Error(`Cannot record a variant in ${MAX_COMMITS} commits`);
    });
  }

  /** Bytes of the variants of a picture; earlier versions did not record them. */
  async #bytes(
    did: Did,
    cid: string,
    image: Entry<ImageRow>,
  ): Promise<number> {
    if (image.value.bytes !== undefined) return image.value.bytes;
    let bytes = 0;
    const rows = this.#deps.kv.list<VariantRow>(variantKeys(did, cid));
    for await (const { value } of rows) bytes += value.size;
    return bytes;
  }

  async #touch({ key, value, versionstamp }: Entry<VariantRow>): Promise<void> {
    const { kv, clock } = this.#deps;
    const now = clock.now();
    if (isWithin(value.usedAt ?? value.createdAt, TOUCH_MS, now)) return;
    // If it loses against another instance, that one recorded the use.
    await kv.atomic().check(key, versionstamp)
      .set(key, { ...value, usedAt: now }).commit();
  }
}
