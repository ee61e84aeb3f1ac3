/**
 * Resamples an image row by row: a box shrink down to at least twice the target
 * size, then Lanczos3. Only the rows within the filter are held, so memory does
 * not grow with the height of the source. Averages are computed on sRGB values,
 * as in most image programs, and on premultiplied colours if the source has
 * alpha, so that the hidden colour of transparent pixels never bleeds out.
 *
 * @module
 */

import {
  filterWeights,
  integerWeights,
  REACH,
  type Weights,
} from "./filter_weights.ts";
import type { Address, Kernel } from "./kernel.ts";

/** A rectangle of the source in pixels; fractions are allowed. */
export interface CropRect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Pixels per side of a source; 3 channels are RGB, 4 are RGBA. */
export interface RowFormat {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
}

/** Minimum size after the box shrink, as a multiple of the target size. */
const GAP = 2;
/** Scale of the kernel's 16-bit samples: 8 bits times 64, or times alpha over 4. */
const OPAQUE_SCALE = 64;
const ALPHA_SCALE = 1 / 4;
/** One axis: the part of the source used, and how it is shrunk. */
class Axis {
  /** First source sample used, and the end (exclusive). */
  readonly from: number;
  readonly to: number;
  /** Source samples in a block of the box shrink. */
  readonly factor: number;
  /** Blocks. */
  readonly blocks: number;
  readonly filter: Weights;

  constructor(
    sourceSize: number,
    offset: number,
    length: number,
    size: number,
  ) {
    const scale = length / size;
    const margin = Math.ceil(REACH * Math.max(1, scale));
    this.from = Math.max(0, Math.floor(offset) - margin);
    this.to = Math.min(sourceSize, Math.ceil(offset + length) + margin);
    this.factor = Math.max(1, Math.floor(scale / GAP));
    this.blocks = Math.ceil((this.to - this.from) / this.factor);
    this.filter = filterWeights(
      this.blocks,
      (offset - this.from) / this.factor,
      length / this.factor,
      size,
    );
  }

  /** Source samples in the last block. */
  get lastBlock(): number {
    return this.to - this.from - (this.blocks - 1) * this.factor;
  }
}

/** Consumes source rows in order and writes RGBA pixels to the kernel's memory. */
export class Resampler {
  /** Address of the result: width times height RGBA pixels. */
  readonly pixels: Address;
  readonly #kernel: Kernel;
  readonly #channels: 3 | 4;
  readonly #columns: Axis;
  readonly #rows: Axis;
  readonly #width: number;
  readonly #height: number;
  readonly #stride: number;
  /** Rows within the filter, written twice so that any run of them is contiguous. */
  readonly #ring: Address;
  /** Rows in the ring. */
  readonly #capacity: number;
  readonly #sums: Address;
  readonly #line: Address;
  readonly #columnWeights: Address;
  readonly #columnStarts: Address;
  readonly #rowWeights: Address;
  #sourceRow = 0;
  #blockRow = 0;
  #made = 0;

  /** Allocates its buffers in `kernel`; the crop must be within the source. */
  constructor(
    kernel: Kernel,
    source: RowFormat,
    crop: CropRect,
    width: number,
    height: number,
  ) {
    this.#kernel = kernel;
    this.#channels = source.channels;
    this.#width = width;
    this.#height = height;
    this.#columns = new Axis(source.width, crop.x, crop.width, width);
    this.#rows = new Axis(source.height, crop.y, crop.height, height);
    const samples = this.#columns.blocks * source.channels;
    // Vector stores write past the end of a row, so rows are padded.
    this.#stride = Math.ceil((samples * 2 + 32) / 16) * 16;
    this.pixels = kernel.allocate(width * height * 4);
    const { taps } = this.#rows.filter;
    this.#capacity = taps + (taps & 1);
    this.#ring = kernel.allocate(this.#stride * this.#capacity * 2);
    this.#sums = kernel.allocate(this.#columns.blocks * 16, true);
    this.#line = kernel.allocate((samples + 8) * 4);
    this.#columnWeights = kernel.place(this.#columns.filter.weights);
    this.#columnStarts = kernel.place(this.#columns.filter.starts);
    this.#rowWeights = kernel.place(integerWeights(this.#rows.filter));
  }

  /** Whether the result is complete; further rows are not needed. */
  get done(): boolean {
    return this.#made === this.#height;
  }

  /** First source row used; earlier rows may be skipped. */
  get firstRow(): number {
    return this.#rows.from;
  }

  /** Declares that the next {@linkcode push} is row `row`, at most {@linkcode firstRow}. */
  skipTo(row: number): void {
    this.#sourceRow = row;
  }

  /** Consumes the next source row; the caller may reuse it afterwards. */
  push(row: Address): void {
    const y = this.#sourceRow++;
    const rows = this.#rows;
    if (y < rows.from || y >= rows.to || this.done) return;
    const { run } = this.#kernel;
    const { from, to, factor, blocks, lastBlock } = this.#columns;
    const channels = this.#channels;
    const source = row + from * channels;
    const width = to - from;
    const slot = this.#slot(this.#blockRow);

    if (factor === 1 && rows.factor === 1) {
      if (channels === 3) run.widen(source, slot, width * 3);
      else run.premultiply(source, slot, width);
      this.#finishRow();
      return;
    }
    if (channels === 3) run.boxAddRgb(source, this.#sums, width, factor);
    else run.boxAddRgba(source, this.#sums, width, factor);
    const within = (y - rows.from) % rows.factor;
    if (within < rows.factor - 1 && y < rows.to - 1) return;
    const unit = channels === 3 ? OPAQUE_SCALE : ALPHA_SCALE;
    const scale = unit / (within + 1);
    run.boxFlush(
      this.#sums,
      slot,
      blocks,
      channels,
      scale / factor,
      scale / lastBlock,
    );
    this.#finishRow();
  }

  /** Slot of row `row` in the ring. */
  #slot(row: number): Address {
    return this.#ring + (row % this.#capacity) * this.#stride;
  }

  /** Called when a row of blocks is complete: computes every result row that depends on it. */
  #finishRow(): void {
    const { run, bytes } = this.#kernel;
    const slot = this.#slot(this.#blockRow);
    const twin = slot + this.#capacity * this.#stride;
    bytes.copyWithin(twin, slot, slot + this.#stride);
    this.#blockRow++;
    const { taps, starts } = this.#rows.filter;
    const columns = this.#columns;
    const filterLine = this.#channels === 3
      ? run.filterLineRgb
      : run.filterLineRgba;
    while (!this.done) {
      const start = starts[this.#made] ?? 0;
      if (start + taps > this.#blockRow) return;
      run.filterColumns(
        this.#slot(start),
        this.#stride,
        this.#rowWeights + this.#made * this.#capacity * 2,
        this.#capacity / 2,
        this.#line,
        columns.blocks * this.#channels,
      );
      filterLine(
        this.#line,
        this.pixels + this.#made * this.#width * 4,
        this.#width,
        this.#columnWeights,
        this.#columnStarts,
        columns.filter.taps,
      );
      this.#made++;
    }
  }
}
