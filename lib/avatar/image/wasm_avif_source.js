// See wasm_source.js.
import source avif from "../codecs/avif.wasm";

export { avif };
