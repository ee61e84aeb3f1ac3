// See wasm_bytes.js.
import bytes from "@jsquash/avif/codec/dec/avif_dec.wasm" with {
  type: "bytes",
};

/** Decodes AVIF. */
export const avifDecoder = await WebAssembly.compile(bytes);
