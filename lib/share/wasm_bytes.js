// The same module for Deno before 2.6, which knows no source-phase import: its
// bytes, compiled here.
import resvgBytes from "@resvg/resvg-wasm/index_bg.wasm" with { type: "bytes" };

/** Draws SVG. */
export const resvg = await WebAssembly.compile(resvgBytes);
