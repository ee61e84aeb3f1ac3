// @ts-self-types="./assets.d.ts"
// What draws share pictures: the renderer and its fonts. Loaded when the first
// picture is drawn, because both together are three megabytes.
import latin from "@fontsource/inter/files/inter-latin-400-normal.woff2" with {
  type: "bytes",
};
import latinBold from "@fontsource/inter/files/inter-latin-700-normal.woff2" with {
  type: "bytes",
};
import latinExt from "@fontsource/inter/files/inter-latin-ext-400-normal.woff2" with {
  type: "bytes",
};
import latinExtBold from "@fontsource/inter/files/inter-latin-ext-700-normal.woff2" with {
  type: "bytes",
};
import cyrillic from "@fontsource/inter/files/inter-cyrillic-400-normal.woff2" with {
  type: "bytes",
};
import cyrillicBold from "@fontsource/inter/files/inter-cyrillic-700-normal.woff2" with {
  type: "bytes",
};
import greek from "@fontsource/inter/files/inter-greek-400-normal.woff2" with {
  type: "bytes",
};
import greekBold from "@fontsource/inter/files/inter-greek-700-normal.woff2" with {
  type: "bytes",
};

// An older Deno cannot parse the file with source-phase imports.
const { resvg } = await import("./wasm_source.js").catch((error) => {
  if (!(error instanceof SyntaxError)) throw error;
  return import("./wasm_bytes.js");
});

export { resvg };
/** Latin letters, regular and bold. */
export const latinFonts = [latin, latinBold];
/** All other letters, regular and bold. */
export const otherFonts = [
  ...[latinExt, latinExtBold],
  ...[cyrillic, cyrillicBold],
  ...[greek, greekBold],
];
