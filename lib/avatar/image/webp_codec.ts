/**
 * The WebP decoder: libwebp with a small interface of our own
 * (`codecs/source/webp.c`). It reads one image at a time.
 *
 * @module
 */

import { webp as webpModule } from "./wasm_modules.js";

/** What the module exports; addresses are numbers. */
export interface WebpCodec {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  allocate(bytes: number): number;
  release(address: number): void;
  /** Decodes a file to RGBA of that size; returns 0 or the code of an error. */
  decode(
    file: number,
    bytes: number,
    rgba: number,
    width: number,
    height: number,
  ): number;
}

/** An instance whose memory outgrew this many bytes is dropped after use. */
const MAX_KEPT = 48 << 20;

let shared: WebpCodec | undefined;

/** The decoder; the same instance as long as it works. */
export function webpCodec(): WebpCodec {
  if (shared === undefined) {
    const { exports } = new WebAssembly.Instance(webpModule, {});
    shared = exports as unknown as WebpCodec;
    shared._initialize();
  }
  return shared;
}

/** A copy of `bytes` in the memory of the decoder. */
export function placeIn(codec: WebpCodec, bytes: Uint8Array): number {
  const address = codec.allocate(bytes.length);
  if (address === 0) throw new Error("no memory");
  new Uint8Array(codec.memory.buffer, address, bytes.length).set(bytes);
  return address;
}

/** Drops the instance after an error, or if its memory has grown large. */
export function dropWebpCodec(after: "error" | "use"): void {
  const bytes = shared?.memory.buffer.byteLength ?? 0;
  if (after === "error" || bytes > MAX_KEPT) shared = undefined;
}
