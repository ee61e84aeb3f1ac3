/**
 * Pictures for links to pages, as other sites and apps show them. A picture is
 * drawn when it is first asked for and kept as long as it says what is true.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { SingleFlight } from "../async/single_flight.ts";
import { joinBytes } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { AppError } from "../errors.ts";
import type { LargeValues } from "../kv/large_value.ts";
import type { RateLimit, RateLimiter } from "../kv/rate_limit.ts";
import type { Logger } from "../log.ts";
import { isShared } from "../net/client_subject.ts";
import { shareDrawing, type ShareFacts } from "./drawing.ts";
import { sharePlaceKey } from "./kv_keys.ts";

export interface SharePicturesDeps {
  readonly values: Pick<LargeValues, "get" | "set">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limits: Pick<RateLimiter, "take">;
  /** Draws an SVG document as PNG. */
  readonly draw: (svg: string) => Promise<Uint8Array>;
}

/** A picture. */
export interface SharePicture {
  readonly png: Uint8Array<ArrayBuffer>;
  /** Changes with what the picture says. */
  readonly version: string;
}

/** Pictures that one client can have drawn; those that are kept do not count. */
const DRAWN: RateLimit = { name: "share", limit: 30, windowSeconds: 60 };

/**
 * Places for pictures, so that what is kept has at most 60 MB. A picture
 * displaces the one that happens to have the same place.
 */
const PLACES = 512;
/** Largest picture that is kept, in bytes. */
const MAX_KEPT_BYTES = 120_000;
const KEPT_MS = 30 * 86_400_000;

/** Characters of a version; a kept picture begins with it. */
const VERSION_LENGTH = 22;

/** Draws and keeps share pictures. */
export class SharePictures {
  readonly #deps: SharePicturesDeps;
  readonly #flights = new SingleFlight();

  constructor(deps: SharePicturesDeps) {
    this.#deps = deps;
  }

  /**
   * The picture of `facts`. Throws AppError `TOOMANYREQUESTS` when the client
   * at `address` had too many drawn (undefined for this server itself; an
   * address that clients share is not counted), and `UNAVAILABLE` when too many wait.
   */
  async get(
    facts: ShareFacts,
    address: string | undefined,
  ): Promise<SharePicture> {
    const svg = shareDrawing(facts);
    const hash = createHash("sha256").update(svg).digest();
    const version = hash.toString("base64url").slice(0, VERSION_LENGTH);
    const place = hash.readUInt32BE(0) % PLACES;
    const kept = await this.#kept(place, version);
    if (kept) return { png: kept, version };
    if (address !== undefined && !isShared(address)) await this.#admit(address);
    const png = await this.#flights.run(version, undefined, async () => {
      // Another request may have drawn it meanwhile.
      const fresh = await this.#kept(place, version);
      if (fresh) return fresh;
      const drawn = Uint8Array.from(await this.#deps.draw(svg));
      await this.#keep(place, { version, png: drawn });
      return drawn;
    });
    return { png, version };
  }

  async #kept(
    place: number,
    version: string,
  ): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const value = await this.#deps.values.get(sharePlaceKey(place));
    const head = value?.subarray(0, VERSION_LENGTH);
    return new TextDecoder().decode(head) === version
      ? value && Uint8Array.from(value.subarray(VERSION_LENGTH))
      : undefined;
  }

  async #keep(place: number, { version, png }: SharePicture): Promise<void> {
    if (png.length > MAX_KEPT_BYTES) return;
    const { values, clock, log } = this.#deps;
    const expiresAt = clock.now() + KEPT_MS;
    const value = joinBytes([new TextEncoder().encode(version), png]);
    try {
      await values.set(sharePlaceKey(place), value, { expiresAt });
    } catch (error) {
      // It is drawn again next time.
      log.warn("share picture not kept", { error });
    }
  }

  async #admit(address: string): Promise<void> {
    const { allowed, retryAfterSeconds } = await this.#deps.limits.take(
      DRAWN,
      address,
    );
    if (allowed) return;
    throw new AppError(
      "TOOMANYREQUESTS",
      `Too many pictures were drawn for ${address}; try again in ${retryAfterSeconds} seconds.`,
      { retryAfterSeconds },
    );
  }
}
