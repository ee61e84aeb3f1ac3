// The codecs and our kernel as compiled modules, by source-phase import: this
// needs no permission, in a worker neither. The type checker cannot parse
// `import source` in a .ts file, hence JavaScript.
import source gif from "imagescript/wasm/any/gif.wasm";
import source jpeg from "imagescript/wasm/any/jpeg.wasm";
import source png from "imagescript/wasm/any/png.wasm";
import source jpegEncoder from "@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm";
import source webpDecoder from "@jsquash/webp/codec/dec/webp_dec.wasm";
import source webpEncoder from "@jsquash/webp/codec/enc/webp_enc_simd.wasm";
import source kernel from "../kernel/kernel.wasm";

export { gif, jpeg, jpegEncoder, kernel, png, webpDecoder, webpEncoder };
