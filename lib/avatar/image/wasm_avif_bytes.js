// See wasm_bytes.js.
import bytes from "../codecs/avif.wasm?bytes" with { type: "bytes" };

/** Decodes AVIF. */
export const avif = await WebAssembly.compile(bytes);
