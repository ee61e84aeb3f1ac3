/**
 * The host side of the pixel kernel: its memory and its typed exports. The
 * source is `assembly/`; `deno task build:kernel` compiles it.
 *
 * @module
 */

/** Linear memory is counted in pages of 64 KiB. */
const PAGE = 65536;
/** Memory below this belongs to the kernel's runtime. */
const FIRST_FREE = 1024;
/** Alignment of buffers, and spare bytes after each. */
const ALIGNMENT = 16;
/** Bytes after a buffer that vector loads and stores may touch. */
const SLACK = 64;

/** A place in the kernel's memory, in bytes. */
export type Address = number;

/** The exported functions, documented in `assembly/`. */
export interface KernelExports {
  widen(source: Address, target: Address, samples: number): void;
  premultiply(source: Address, target: Address, pixels: number): void;
  expandGray(source: Address, target: Address, pixels: number): void;
  expandCmyk(source: Address, target: Address, pixels: number): void;
  expandPalette(
    source: Address,
    target: Address,
    pixels: number,
    table: Address,
  ): void;
  boxAddRgb(
    source: Address,
    sums: Address,
    pixels: number,
    factor: number,
  ): void;
  boxAddRgba(
    source: Address,
    sums: Address,
    pixels: number,
    factor: number,
  ): void;
  boxFlush(
    sums: Address,
    target: Address,
    blocks: number,
    channels: number,
    scale: number,
    lastScale: number,
  ): void;
  filterColumns(
    rows: Address,
    stride: number,
    weights: Address,
    pairs: number,
    line: Address,
    samples: number,
  ): void;
  filterLineRgb(
    line: Address,
    target: Address,
    width: number,
    weights: Address,
    starts: Address,
    taps: number,
  ): void;
  filterLineRgba(
    line: Address,
    target: Address,
    width: number,
    weights: Address,
    starts: Address,
    taps: number,
  ): void;
  unfilter(
    type: number,
    row: Address,
    previous: Address,
    distance: number,
    bytes: number,
  ): void;
  filterRow(
    row: Address,
    previous: Address,
    distance: number,
    bytes: number,
    target: Address,
  ): void;
  isOpaque(pixels: Address, count: number): number;
  flatten(pixels: Address, count: number, background: number): void;
  toRgb(source: Address, target: Address, count: number): void;
  convertColours(
    pixels: Address,
    count: number,
    curves: Address,
    matrix: Address,
    encode: Address,
    steps: number,
  ): void;
  orient(
    source: Address,
    target: Address,
    width: number,
    height: number,
    orientation: number,
  ): void;
}

/** One instance of the kernel. Its memory holds the buffers of one job at a time. */
export class Kernel {
  readonly run: KernelExports;
  readonly #memory: WebAssembly.Memory;
  #top = FIRST_FREE;
  #bytes: Uint8Array<ArrayBuffer>;

  /** @param module the compiled kernel. */
  constructor(module: WebAssembly.Module) {
    const { exports } = new WebAssembly.Instance(module, {
      env: {
        abort() {
          throw new Error("the pixel kernel gave up");
        },
      },
    });
    this.run = exports as unknown as KernelExports;
    if (!(exports.memory instanceof WebAssembly.Memory)) {
      throw new TypeError("the pixel kernel exports no memory");
    }
    this.#memory = exports.memory;
    this.#bytes = this.#view();
  }

  /** Bytes of memory held; it never shrinks. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** All of the memory. Stale after the next {@linkcode allocate}. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Frees all buffers. */
  reset(): void {
    this.#top = FIRST_FREE;
  }

  /**
   * Allocates a buffer, aligned to 16 bytes, with slack after it for vector
   * access. Its content is undefined unless `zero` is set. Throws a RangeError
   * when the kernel's 256 MiB are exhausted.
   */
  allocate(length: number, zero = false): Address {
    const address = this.#top;
    this.#top += Math.ceil((length + SLACK) / ALIGNMENT) * ALIGNMENT;
    const missing = this.#top - this.size;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE));
      this.#bytes = this.#view();
    }
    if (zero) this.#bytes.fill(0, address, this.#top);
    return address;
  }

  /** Allocates a buffer with a copy of `data`. */
  place(data: Float32Array | Int32Array | Int16Array | Uint8Array): Address {
    const address = this.allocate(data.byteLength);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.#bytes.set(bytes, address);
    return address;
  }

  /** A view of `length` bytes. Stale after the next {@linkcode allocate}. */
  view(address: Address, length: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(address, address + length);
  }

  #view(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer as ArrayBuffer);
  }
}
