// The codecs and our kernel as compiled modules, by source-phase import: this
// needs no permission, in a worker neither. The type checker cannot parse
// `import source` in a .ts file, hence JavaScript.
import source png from "imagescript/wasm/any/png.wasm";
import source colour from "../codecs/colour.wasm";
import source jpeg from "../codecs/jpeg.wasm";
import source webpEncoder from "@jsquash/webp/codec/enc/webp_enc_simd.wasm";
import source webp from "../codecs/webp.wasm";
import source kernel from "../kernel/kernel.wasm";

export { colour, jpeg, kernel, png, webp, webpEncoder };
