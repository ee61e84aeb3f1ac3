/** The renderer (resvg). */
export const resvg: WebAssembly.Module;
/** Inter, regular and bold, with the letters of most names. */
export const latinFonts: readonly Uint8Array[];
/** Inter with more Latin, Cyrillic and Greek letters. */
export const otherFonts: readonly Uint8Array[];
