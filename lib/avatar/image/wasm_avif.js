// @ts-self-types="./wasm_avif.d.ts"
// The AVIF decoder, apart from the other codecs so that it is loaded only when
// it is needed. See wasm_modules.js.
const { avif } = await import("./wasm_avif_source.js").catch((error) => {
  if (!(error instanceof SyntaxError || error instanceof TypeError)) {
    throw error;
  }
  return import("./wasm_avif_bytes.js");
});

export { avif };
