// @ts-self-types="./wasm_modules.d.ts"
// The codecs and our kernel as compiled modules. Loaded on demand, because an
// older Deno cannot load the file with source-phase imports: it fails with a
// SyntaxError, or with a TypeError about the imports of a codec. Both names are
// literals: a computed one would need the permission to read.
const modules = await import("./wasm_source.js").catch((error) => {
  if (!(error instanceof SyntaxError || error instanceof TypeError)) {
    throw error;
  }
  return import("./wasm_bytes.js");
});

const { colour, jpeg, kernel, png, webp, webpEncoder } = modules;

export { colour, jpeg, kernel, png, webp, webpEncoder };
