/** AVIF decoder of jSquash (libavif 1.0.1). */
export const avifDecoder: WebAssembly.Module;
/** Its glue code; see `instantiateCodec`. */
export const glue: unknown;
