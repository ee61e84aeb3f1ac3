// @ts-self-types="./wasm_modules.d.ts"
// The codecs and our kernel as compiled modules. Loaded on demand, because an
// older Deno cannot parse the file with source-phase imports.
// Nor may it read a codec as a module before it reads it as bytes, so the name
// of that file is not visible to it.
const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
const isOld = major < 2 || (major === 2 && minor < 6);
const source = "./wasm_source.js";
const modules = await (isOld ? import("./wasm_bytes.js") : import(source));

const { colour, jpeg, kernel, png, webp, webpEncoder } = modules;

export { colour, jpeg, kernel, png, webp, webpEncoder };
