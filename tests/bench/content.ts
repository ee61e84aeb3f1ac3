/**
 * Blobs and manifests for the benchmark: no two blobs are alike, none of them
 * compresses, and making one costs no more than hashing it.
 *
 * @module
 */

import { createHash, randomBytes } from "node:crypto";
import { keyStream } from "../clients/images.ts";
import { CONFIG_TYPE, LAYER_TYPE, MANIFEST_TYPE } from "../clients/layout.ts";

export const MB = 1_048_576;
const PREFIX_BYTES = 4096;
const NOISE_BYTES = 100 * MB;
const noise = keyStream(7, NOISE_BYTES);

/** A blob in pieces. */
export interface Blob {
  readonly digest: string;
  readonly size: number;
  readonly pieces: readonly Uint8Array[];
}

/** An image of one layer. */
export interface Image {
  readonly config: Blob;
  readonly layer: Blob;
  readonly manifest: Uint8Array;
  readonly digest: string;
}

/** A fresh blob of some bytes; its noise repeats after 100 MB. */
export function blob(size: number): Blob {
  const pieces: Uint8Array[] = [randomBytes(Math.min(PREFIX_BYTES, size))];
  for (let rest = size - PREFIX_BYTES; rest > 0; rest -= NOISE_BYTES) {
    pieces.push(noise.subarray(0, rest));
  }
  return { digest: digestOf(pieces), size, pieces };
}

/** Cuts a body into pieces of equal size, as clients send them. */
export function cut(
  pieces: readonly Uint8Array[],
  bytes: number,
): Uint8Array[] {
  return pieces.flatMap((piece) =>
    Array.from(
      { length: Math.ceil(piece.length / bytes) },
      (_, i) => piece.subarray(i * bytes, (i + 1) * bytes),
    )
  );
}

/** A fresh image with one layer of `size` bytes. */
export function image(size: number): Image {
  const layer = blob(size);
  const config = json({
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [layer.digest] },
    history: [],
  });
  const document = json({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptor(CONFIG_TYPE, config),
    layers: [descriptor(LAYER_TYPE, layer)],
  });
  const [manifest = new Uint8Array()] = document.pieces;
  return { config, layer, manifest, digest: document.digest };
}

function descriptor(mediaType: string, { digest, size }: Blob) {
  return { mediaType, digest, size };
}

function json(document: unknown): Blob {
  const bytes = new TextEncoder().encode(JSON.stringify(document));
  return { digest: digestOf([bytes]), size: bytes.length, pieces: [bytes] };
}

function digestOf(pieces: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return `sha256:${hash.digest("hex")}`;
}
