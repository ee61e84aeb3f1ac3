// See wasm_source.js.
import source avifDecoder from "@jsquash/avif/codec/dec/avif_dec.wasm";

export { avifDecoder };
