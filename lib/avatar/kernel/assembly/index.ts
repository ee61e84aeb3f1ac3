// The pixel kernel: every loop over pixels, compiled to SIMD WebAssembly.
// It has no state and allocates nothing; the host lays out the memory.
//
// Format by hand: `deno fmt` removes `@inline`, on which the compiled bytes
// depend.

export {
  boxAddRgb,
  boxAddRgba,
  boxFlush,
  expandCmyk,
  expandGray,
  expandPalette,
  premultiply,
  widen,
} from "./rows";
export { filterColumns, filterLineRgb, filterLineRgba } from "./resample";
export { filterRow, unfilter } from "./png";
export { convertColours, flatten, isOpaque, orient, toRgb } from "./pixels";
