// The renderer as a compiled module, by source-phase import: this needs no
// permission, in a worker neither. The type checker cannot parse
// `import source` in a .ts file, hence JavaScript.
import source resvg from "@resvg/resvg-wasm/index_bg.wasm";

export { resvg };
