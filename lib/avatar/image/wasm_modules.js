// @ts-self-types="./wasm_modules.d.ts"
// The codecs and our kernel as compiled modules. Loaded on demand, because an
// older Deno cannot parse the file with source-phase imports.
const modules = await import("./wasm_source.js").catch((error) => {
  if (!(error instanceof SyntaxError)) throw error;
  return import("./wasm_bytes.js");
});

const { colour, jpeg, kernel, png, webp, webpEncoder } = modules;

export { colour, jpeg, kernel, png, webp, webpEncoder };
