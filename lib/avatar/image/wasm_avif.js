// @ts-self-types="./wasm_avif.d.ts"
// The AVIF decoder, apart from the other codecs so that it is loaded only when
// it is needed. See wasm_modules.js.
import glue from "@jsquash/avif/codec/dec/avif_dec.js";
import source avifDecoder from "@jsquash/avif/codec/dec/avif_dec.wasm";

export { avifDecoder, glue };
