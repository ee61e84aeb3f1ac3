/**
 * Pictures of other sites that pages of this server show: fetched and rendered
 * here, so that no visitor's browser asks the other site. Only addresses that
 * this server has signed are fetched, which it does for texts that it shows.
 *
 * @module
 */

import { createHash, timingSafeEqual } from "node:crypto";
import { SingleFlight } from "../../async/single_flight.ts";
import { joinBytes } from "../../bytes.ts";
import type { Clock } from "../../clock.ts";
import type { SecretBox } from "../../crypto/secret_box.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { LargeValues } from "../../kv/large_value.ts";
import type { Logger } from "../../log.ts";
import type { GuardedFetch } from "../../net/guarded_fetch.ts";
import type { Admission } from "../admission.ts";
import type { ImageLimits } from "../image/image_limits.ts";
import { remotePictureKey } from "../kv_keys.ts";
import type { RenderPool } from "../pool/pool.ts";
import { isDrawing, plainDrawing } from "./drawn.ts";

export interface RemotePicturesDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly fetch: GuardedFetch;
  readonly values: Pick<LargeValues, "get" | "set">;
  readonly pool: Pick<RenderPool, "run">;
  readonly admission: Pick<Admission, "admit">;
  readonly box: Pick<SecretBox, "mac">;
  readonly limits: ImageLimits;
  /** Draws a plain SVG document as PNG. */
  readonly draw: (svg: string) => Promise<Uint8Array>;
}

/** A picture to be served. */
export interface RemotePicture {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly contentType: "image/webp" | "image/png";
}

/** Longest address that is signed, in characters. */
const MAX_URL = 1_000;
/** Largest sides of a rendered picture, in pixels. */
const MAX_WIDTH = 1_200;
const MAX_HEIGHT = 2_400;
const QUALITY = 80;

/**
 * Places for pictures, so that what is kept has at most 120 MB. A picture
 * displaces the one that happens to have the same place.
 */
const PLACES = 400;
/** Largest picture that is kept and served, in bytes. */
const MAX_KEPT_BYTES = 300_000;
/** How long a picture is shown before its site is asked again. */
const KEPT_MS = 6 * 3_600_000;
/** How long a site is not asked again for a picture that it did not have. */
const FAILED_MS = 10 * 60_000;
const FETCH_MS = 10_000;

const HASH_BYTES = 16;

/** What a kept value says after the hash. */
const KINDS = ["failed", "image/webp", "image/png"] as const;

/** Fetches, renders and keeps pictures of other sites. */
export class RemotePictures {
  readonly #deps: RemotePicturesDeps;
  readonly #flights = new SingleFlight();

  constructor(deps: RemotePicturesDeps) {
    this.#deps = deps;
  }

  /** The signed name of the picture at `url`; undefined where none is shown from there. */
  nameOf(url: string): string | undefined {
    const parsed = url.length > MAX_URL ? null : URL.parse(url.trim());
    if (parsed?.protocol !== "https:" || parsed.username !== "") {
      return undefined;
    }
    parsed.hash = "";
    const text = new TextEncoder().encode(parsed.href)
      .toBase64({ alphabet: "base64url", omitPadding: true });
    return `${this.#sign(parsed.href)}/${text}`;
  }

  /**
   * The picture of a name that {@linkcode nameOf} has made. Throws AppError
   * `NOT_FOUND` for any other name and for what cannot be shown,
   * `TOOMANYREQUESTS` when `client` had too many fetched, and `UNAVAILABLE`.
   */
  async get(
    signature: string,
    encoded: string,
    client: string | undefined,
  ): Promise<RemotePicture> {
    const url = this.#checked(signature, encoded);
    const hash = createHash("sha256").update(url).digest();
    const kept = await this.#kept(hash);
    if (kept) return shown(kept);
    await this.#deps.admission.admit(client, `remote ${url}`);
    const made = await this.#flights.run(url, undefined, async () => {
      const fresh = await this.#kept(hash) ?? await this.#make(url);
      await this.#keep(hash, fresh);
      return fresh;
    });
    return shown(made);
  }

  #sign(url: string): string {
    return this.#deps.box.mac("remote picture", url).slice(0, 22);
  }

  #checked(signature: string, encoded: string): string {
    const bytes = encoded.length > 2 * MAX_URL ? undefined : decoded(encoded);
    const url = bytes && new TextDecoder().decode(bytes);
    const given = new TextEncoder().encode(signature);
    const right = new TextEncoder().encode(url && this.#sign(url));
    if (
      url !== undefined && given.length === right.length &&
      timingSafeEqual(given, right)
    ) return url;
    throw missing();
  }

  /** Fetches and renders; undefined where there is nothing to show. */
  async #make(url: string): Promise<RemotePicture | undefined> {
    const { log } = this.#deps;
    try {
      const bytes = await this.#fetch(url);
      if (bytes === undefined) return undefined;
      const picture = isDrawing(bytes)
        ? await this.#drawn(bytes)
        : await this.#rendered(bytes);
      return picture && picture.bytes.length <= MAX_KEPT_BYTES
        ? picture
        : undefined;
    } catch (error) {
      if (isAppError(error, "UNAVAILABLE")) throw error;
      log.info("picture of another site not shown", {
        host: new URL(url).host,
        error,
      });
      return undefined;
    }
  }

  async #fetch(url: string): Promise<Uint8Array | undefined> {
    const { fetch, limits } = this.#deps;
    const response = await fetch(url, {
      maxBytes: limits.maxBytes,
      timeoutMs: FETCH_MS,
      headers: { accept: "image/*" },
    });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
    await response.body?.cancel();
    return undefined;
  }

  async #rendered(bytes: Uint8Array): Promise<RemotePicture> {
    const { pool, limits } = this.#deps;
    const rendered = await pool.run({
      kind: "render",
      bytes,
      limits,
      request: {
        width: MAX_WIDTH,
        height: MAX_HEIGHT,
        fit: "inside",
        density: 1,
        enlarge: false,
        format: "webp",
        quality: QUALITY,
      },
    });
    return { bytes: rendered.bytes, contentType: "image/webp" };
  }

  async #drawn(bytes: Uint8Array): Promise<RemotePicture | undefined> {
    const svg = plainDrawing(bytes);
    if (svg === undefined) return undefined;
    const png = Uint8Array.from(await this.#deps.draw(svg));
    return { bytes: png, contentType: "image/png" };
  }

  /** Undefined where nothing is kept; what is kept may be that there is no picture. */
  async #kept(hash: Uint8Array): Promise<Kept | undefined> {
    const value = await this.#deps.values.get(placeOf(hash));
    if (value === undefined || value.length <= HASH_BYTES) return undefined;
    if (!hash.subarray(0, HASH_BYTES).every((byte, i) => byte === value[i])) {
      return undefined;
    }
    const contentType = KINDS[value[HASH_BYTES] ?? 0];
    return contentType === undefined || contentType === "failed"
      ? "none"
      : { contentType, bytes: Uint8Array.from(value.subarray(HASH_BYTES + 1)) };
  }

  async #keep(
    hash: Uint8Array,
    picture: Kept | undefined,
  ): Promise<void> {
    const { values, clock, log } = this.#deps;
    const isThere = picture !== undefined && picture !== "none";
    const kind = KINDS.indexOf(isThere ? picture.contentType : "failed");
    const value = joinBytes([
      hash.subarray(0, HASH_BYTES),
      Uint8Array.of(kind),
      ...(isThere ? [picture.bytes] : []),
    ]);
    const expiresAt = clock.now() + (isThere ? KEPT_MS : FAILED_MS);
    try {
      await values.set(placeOf(hash), value, { expiresAt });
    } catch (error) {
      // It is fetched again next time.
      log.warn("picture of another site not kept", { error });
    }
  }
}

type Kept = RemotePicture | "none";

function placeOf(hash: Uint8Array) {
  const [a = 0, b = 0] = hash;
  return remotePictureKey((a * 256 + b) % PLACES);
}

function shown(kept: Kept | undefined): RemotePicture {
  if (kept === undefined || kept === "none") throw missing();
  return kept;
}

function missing(): AppError {
  return new AppError("NOT_FOUND", "There is no picture at this address.");
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { alphabet: "base64url" });
  } catch {
    return undefined;
  }
}
