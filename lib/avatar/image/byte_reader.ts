/**
 * Reads numbers from untrusted bytes: reads past the end return zero, so that
 * header parsers need no bounds checks.
 *
 * @module
 */

/** A view of bytes that never throws. Offsets are in bytes. */
export class ByteReader {
  readonly length: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  u8(offset: number): number {
    return this.#bytes[offset] ?? 0;
  }

  be16(offset: number): number {
    return (this.u8(offset) << 8) | this.u8(offset + 1);
  }

  be32(offset: number): number {
    return this.be16(offset) * 0x10000 + this.be16(offset + 2);
  }

  le16(offset: number): number {
    return this.u8(offset) | (this.u8(offset + 1) << 8);
  }

  le24(offset: number): number {
    return this.le16(offset) | (this.u8(offset + 2) << 16);
  }

  le32(offset: number): number {
    return this.le24(offset) + this.u8(offset + 3) * 0x1000000;
  }

  /** A big-endian number of 0 to 8 bytes; 0 for none. */
  be(offset: number, bytes: number): number {
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + this.u8(offset + i);
    return value;
  }

  /** Whether the Latin-1 `text` is at `offset`. */
  has(text: string, offset: number): boolean {
    for (let i = 0; i < text.length; i++) {
      if (this.u8(offset + i) !== text.charCodeAt(i)) return false;
    }
    return true;
  }

  /** Offset of the next `byte` at or after `offset`, or -1. */
  indexOf(byte: number, offset: number): number {
    return this.#bytes.indexOf(byte, offset);
  }

  /** The bytes from `start` to before `end`, clamped to the data. */
  slice(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(start, end);
  }
}
