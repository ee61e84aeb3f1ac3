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

export const colour = await compile(colourBytes);
export const jpeg = await compile(jpegBytes);
export const png = await compile(pngBytes);
export const webpEncoder = await compile(webpEncoderBytes);
export const webp = await compile(webpBytes);
export const kernel = await compile(kernelBytes);
