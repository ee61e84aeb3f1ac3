/**
 * Scrub source for stored pictures.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import type { Key, Kv } from "../../kv/kv.ts";
import type {
  Pace,
  ScrubItem,
  ScrubOutcome,
  ScrubSource,
} from "../../scrub/source.ts";
import { allImages, allVariants } from "../kv_keys.ts";
import type { ObjectName } from "../picture_keys.ts";
import type { VariantRow } from "../picture_rows.ts";
import type { StoredPictures } from "./stored_pictures.ts";

/** First letters of did:plc identifiers. */
const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";

/** Variants, or the originals they were rendered from. */
export class PictureScrub implements ScrubSource {
  readonly name: "avatar variants" | "avatar originals";
  readonly #prefix: Key;
  readonly #kv: Kv;
  readonly #pictures: Pick<StoredPictures, "check">;
  readonly #storeId: string;

  constructor(
    name: "avatar variants" | "avatar originals",
    kv: Kv,
    pictures: Pick<StoredPictures, "check">,
    storeId: string,
  ) {
    this.name = name;
    this.#prefix = name === "avatar variants" ? allVariants : allImages;
    this.#kv = kv;
    this.#pictures = pictures;
    this.#storeId = storeId;
  }

  randomId(): string {
    const bytes = crypto.getRandomValues(new Uint8Array(4));
    return `did:plc:${
      Array.from(bytes, (byte) => LETTERS[byte % LETTERS.length]).join("")
    }`;
  }

  async *items(after?: string): AsyncIterableIterator<ScrubItem> {
    const prefix = this.#prefix;
    // The parts of an id are those of the key; none contains a space.
    const rows = this.#kv.list<Partial<VariantRow>>(
      after === undefined
        ? { prefix }
        : { prefix, start: [...prefix, ...`${after}\0`.split(" ")] },
    );
    for await (const { key, value: { store } } of rows) {
      // Objects of another store cannot be checked in this one.
      if (store !== undefined && store !== this.#storeId) continue;
      const parts = key.slice(prefix.length).map(String);
      const [did = "", cid = "", variant] = parts;
      const name: ObjectName = { did: did as Did, cid, variant };
      yield {
        id: parts.join(" "),
        check: (pace) => this.#check(name, pace),
      };
    }
  }

  async #check(name: ObjectName, pace: Pace): Promise<ScrubOutcome> {
    const state = await this.#pictures.check(name, pace);
    if (state === "right") return { result: "right" };
    // A missing original is not a loss: it is fetched again when needed.
    if (state === "missing" && name.variant === undefined) {
      return { result: "changed" };
    }
    return { result: "damaged", damage: state };
  }
}
