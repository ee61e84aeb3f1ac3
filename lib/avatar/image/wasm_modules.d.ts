/** JPEG decoder and encoder (libjpeg-turbo), built from `codecs/source`. */
export const jpeg: WebAssembly.Module;
/** ICC profiles (Little CMS), built from `codecs/source`. */
export const colour: WebAssembly.Module;
/** PNG decoder of imagescript; for interlaced images. */
export const png: WebAssembly.Module;
/** WebP decoder (libwebp), built from `codecs/source`. */
export const webp: WebAssembly.Module;
/** WebP encoder of jSquash (libwebp 1.1.0), the SIMD build. */
export const webpEncoder: WebAssembly.Module;
/** Our own pixel kernel, built from `kernel/assembly`. */
export const kernel: WebAssembly.Module;
