/** AVIF decoder (libavif and dav1d), built from `codecs/source`. */
export const avif: WebAssembly.Module;
