/**
 * Conversion by ICC profiles with tables: Little CMS with a small interface of
 * our own (`codecs/source/colour.c`). Every profile gets an instance of its
 * own, which dies with it.
 *
 * @module
 */

import { colour as colourModule } from "../wasm_modules.js";

/** What the module exports; addresses are numbers. */
interface ColourExports {
  readonly memory: WebAssembly.Memory;
  _initialize(): void;
  allocate(bytes: number): number;
  /** Opens a profile for 3 (RGB) or 4 (CMYK) samples; 0 if it cannot be used. */
  open(profile: number, bytes: number, samples: number): number;
  convert(source: number, target: number, pixels: number): void;
}

/** Result of every call to the operating system (WASI, EBADF): no file is open. */
const BAD_FILE = 8;
/** Pixels converted at a time. */
const BLOCK = 4096;
/** Bytes of an output pixel: RGB, or RGBA for RGBA. */
const OUTPUT_BYTES = { 3: 4, 4: 3 } as const;

/** Converts pixels to sRGB: RGBA to RGBA, or ink to RGB. */
export type ColourConversion = (pixels: Uint8Array) => Uint8Array<ArrayBuffer>;

/**
 * The conversion from a profile for RGB (3 samples; pixels are RGBA) or CMYK (4
 * samples, 0 is paper). Undefined when the profile cannot be used.
 */
export function profileConversion(
  profile: Uint8Array,
  samples: 3 | 4,
): ColourConversion | undefined {
  try {
    return open(profile, samples);
  } catch {
    return undefined; // a broken profile never fails a picture
  }
}

function open(
  profile: Uint8Array,
  samples: 3 | 4,
): ColourConversion | undefined {
  const imports: WebAssembly.ModuleImports = {};
  for (const { name } of WebAssembly.Module.imports(colourModule)) {
    imports[name] = () => BAD_FILE;
  }
  const codec = new WebAssembly.Instance(colourModule, {
    wasi_snapshot_preview1: imports,
  }).exports as unknown as ColourExports;
  codec._initialize();
  const input = codec.allocate(Math.max(profile.length, BLOCK * 4));
  const output = codec.allocate(BLOCK * 4);
  new Uint8Array(codec.memory.buffer, input, profile.length).set(profile);
  if (codec.open(input, profile.length, samples) === 0) return undefined;
  const outputBytes = OUTPUT_BYTES[samples];
  return (pixels) => {
    const count = pixels.length / 4;
    const result = new Uint8Array(count * outputBytes);
    for (let from = 0; from < count; from += BLOCK) {
      const part = pixels.subarray(from * 4, (from + BLOCK) * 4);
      const { buffer } = codec.memory;
      new Uint8Array(buffer, input, part.length).set(part);
      const converted = part.length / 4;
      codec.convert(input, output, converted);
      result.set(
        new Uint8Array(buffer, output, converted * outputBytes),
        from * outputBytes,
      );
    }
    return result;
  };
}
