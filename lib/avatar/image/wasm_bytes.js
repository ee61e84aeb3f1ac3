// The same modules for Deno before 2.6, which knows no source-phase import:
// their bytes, compiled here.
import pngBytes from "imagescript/wasm/any/png.wasm" with { type: "bytes" };
import colourBytes from "../codecs/colour.wasm" with { type: "bytes" };
import jpegBytes from "../codecs/jpeg.wasm" with { type: "bytes" };
import webpEncoderBytes from "@jsquash/webp/codec/enc/webp_enc_simd.wasm" with {
  type: "bytes",
};
import webpBytes from "../codecs/webp.wasm" with { type: "bytes" };
import kernelBytes from "../kernel/kernel.wasm" with { type: "bytes" };

const { compile } = WebAssembly;

/** Converts pixels by ICC profiles. */
export const colour = await compile(colourBytes);
/** Decodes and encodes JPEG. */
export const jpeg = await compile(jpegBytes);
/** Compresses PNG. */
export const png = await compile(pngBytes);
/** Encodes WebP. */
export const webpEncoder = await compile(webpEncoderBytes);
/** Decodes WebP. */
export const webp = await compile(webpBytes);
/** Our own kernel for pixels. */
export const kernel = await compile(kernelBytes);
