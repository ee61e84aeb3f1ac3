// The same modules for Deno before 2.6, which knows no source-phase import:
// their bytes, compiled here. Our own codecs have a second name here: Deno 2.5
// meets them as modules in wasm_source.js, cannot resolve what they import, and
// would repeat that error for the same name.
import pngBytes from "imagescript/wasm/any/png.wasm" with { type: "bytes" };
import colourBytes from "../codecs/colour.wasm?bytes" with { type: "bytes" };
import jpegBytes from "../codecs/jpeg.wasm?bytes" with { type: "bytes" };
import webpEncoderBytes from "@jsquash/webp/codec/enc/webp_enc_simd.wasm" with {
  type: "bytes",
};
import webpBytes from "../codecs/webp.wasm?bytes" with { type: "bytes" };
import kernelBytes from "../kernel/kernel.wasm?bytes" with { type: "bytes" };

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
