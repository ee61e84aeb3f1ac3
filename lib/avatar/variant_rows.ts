/**
 * What is recorded of variants in KV: which are stored, how many were made of
 * a picture, and why one cannot be.
 *
 * @module
 */

import type { Did } from "../did.ts";
import { Semaphore } from "../async/semaphore.ts";
import { type Clock, isAhead, isWithin } from "../clock.ts";
import { AppError, isAppError } from "../errors.ts";
import type { Atomic, Kv } from "../kv/kv.ts";
import type { Logger } from "../log.ts";
import { imageKey, refusalKey, variantKey } from "./kv_keys.ts";
import type { AvatarOptions } from "./options.ts";
import type {
  ImageRow,
  OriginalFacts,
  RefusalRow,
  VariantRow,
} from "./rows.ts";

/** What {@linkcode VariantRows} needs. */
export interface VariantRowsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly log: Logger;
}

/** So long a variant counts against its picture: a day, so that nobody can use a picture up for good. */
const COUNT_MS = 86_400_000;
/** Tries of a commit that other instances get in the way of. */
const MAX_COMMITS = 10;

/** The rows of variants, their pictures and refusals. */
export class VariantRows {
  readonly #deps: VariantRowsDeps;
  readonly #options: Pick<AvatarOptions, "maxVariants" | "negativeTtlMs">;
  /** One commit at a time for each picture: they would only get in each other's way. */
  readonly #turns = new Semaphore(1);

  constructor(
    deps: VariantRowsDeps,
    options: Pick<AvatarOptions, "maxVariants" | "negativeTtlMs">,
  ) {
    this.#deps = deps;
    this.#options = options;
  }

  /**
   * Whether a variant is stored. Throws AppError `TOOMANYREQUESTS` when it is
   * not and as many were made of its picture as may be, and why the picture was
   * refused, where that is known.
   */
  async isStored(did: Did, cid: string, name: string): Promise<boolean> {
    const { kv, clock } = this.#deps;
    if (await kv.get<VariantRow>(variantKey(did, cid, name))) return true;
    const refusal = await kv.get<RefusalRow>(refusalKey(did, cid));
    if (refusal && !isAhead(refusal.value.at ?? 0, clock.now())) {
      throw new AppError(refusal.value.code, refusal.value.message);
    }
    const image = await kv.get<ImageRow>(imageKey(did, cid));
    if (!this.#isUsedUp(image?.value)) return false;
    throw this.#tooMany(image?.value);
  }

  /**
   * Counts a variant before it is made, so that many at once are no more than
   * many in turn. Throws AppError `TOOMANYREQUESTS` as {@linkcode isStored}.
   */
  async take(did: Did, cid: string): Promise<void> {
    await this.#change(did, cid, (image) => {
      if (this.#isUsedUp(image)) throw this.#tooMany(image);
      const { variants, countedFrom } = this.#counted(image);
      return {
        variants: variants + 1,
        countedFrom,
        original: image?.original,
      };
    });
  }

  /** Takes the count of a variant back that could not be made. */
  async giveBack(did: Did, cid: string): Promise<void> {
    await this.#change(did, cid, (image) => {
      const { variants, countedFrom } = this.#counted(image);
      const original = image?.original;
      // Of a picture that never was shown nothing stays.
      if (variants <= 1 && original === undefined) return undefined;
      return { variants: Math.max(0, variants - 1), countedFrom, original };
    });
  }

  /** Stores what is known of a variant and its picture, in one commit. */
  async record(
    did: Did,
    cid: string,
    name: string,
    row: VariantRow,
    original?: OriginalFacts,
  ): Promise<void> {
    await this.#change(
      did,
      cid,
      (image) => ({
        ...this.#counted(image),
        original: original ?? image?.original,
      }),
      (commit) => commit.set(variantKey(did, cid, name), row),
    );
  }

  /** Replaces the row of a picture, or removes it, in one commit with what `join` adds. */
  async #change(
    did: Did,
    cid: string,
    next: (image: ImageRow | undefined) => ImageRow | undefined,
    join?: (commit: Atomic) => void,
  ): Promise<void> {
    const { kv } = this.#deps;
    const key = imageKey(did, cid);
    await this.#turns.run(`${did} ${cid}`, undefined, async () => {
      for (let i = 0; i < MAX_COMMITS; i++) {
        const image = await kv.get<ImageRow>(key);
        const row = next(image?.value);
        const commit = kv.atomic().check(key, image?.versionstamp ?? null);
        if (row === undefined) commit.delete(key);
        else commit.set(key, row);
        join?.(commit);
        if (await commit.commit()) return;
      }
      throw new Error(`Cannot record a variant in ${MAX_COMMITS} commits`);
    });
  }

  #isUsedUp(image: ImageRow | undefined): boolean {
    return this.#counted(image).variants >= this.#options.maxVariants;
  }

  #tooMany(image: ImageRow | undefined): AppError {
    const { maxVariants } = this.#options;
    const { countedFrom } = this.#counted(image);
    const leftMs = countedFrom + COUNT_MS - this.#deps.clock.now();
    return new AppError(
      "TOOMANYREQUESTS",
      `${maxVariants} variants of this picture were made today, which is the most. Ask for a size that is in use, or come back tomorrow.`,
      { retryAfterSeconds: Math.ceil(leftMs / 1000) },
    );
  }

  /** Takes note that the object of a variant is not there; false when none was recorded. */
  async forget(did: Did, cid: string, name: string): Promise<boolean> {
    const { kv, log } = this.#deps;
    const row = await kv.get<VariantRow>(variantKey(did, cid, name));
    if (row === undefined) return false;
    log.warn("stored picture is gone", { did, cid, name });
    // Lost to another change, it is noticed by the next one who asks.
    await kv.atomic().check(row.key, row.versionstamp).delete(row.key).commit();
    return true;
  }

  /** Saves others from trying again for a while what cannot work. */
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

  /** How many variants count, and since when. */
  #counted(
    image: ImageRow | undefined,
  ): Pick<ImageRow, "variants" | "countedFrom"> {
    const now = this.#deps.clock.now();
    const counts = image !== undefined &&
      isWithin(image.countedFrom, COUNT_MS, now);
    const { variants, countedFrom } = counts
      ? image
      : { variants: 0, countedFrom: now };
    return { variants, countedFrom };
  }
}
