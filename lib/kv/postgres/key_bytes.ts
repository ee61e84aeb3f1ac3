/**
 * Keys as bytes whose order is the order of the keys: the tuple encoding of
 * FoundationDB, which Deno KV uses too.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { Key, KeyPart, ListSelector } from "../kv.ts";

/** First byte of each type of part. */
const TYPE = {
  bytes: 0x01,
  text: 0x02,
  /** Whole numbers: this plus or minus the number of their bytes. */
  integer: 0x14,
  largePositive: 0x1d,
  largeNegative: 0x0b,
  number: 0x21,
  false: 0x26,
  true: 0x27,
} as const;

/** Whole numbers of more bytes than this have a length byte. */
const SHORT_INTEGER_BYTES = 8;

/** Follows a zero byte inside of text and bytes, so that it is not their end. */
const ESCAPED_ZERO = 0xff;

/** Encodes a key. */
export function encodeKey(key: Key): Buffer {
  const out: number[] = [];
  for (const part of key) encodePart(part, out);
  return Buffer.from(out);
}

/** The keys `from <= key < to` of a listing. */
export function encodeRange(
  selector: ListSelector,
): { from: Buffer; to: Buffer } {
  if (!("prefix" in selector)) {
    const { start, end } = selector;
    return { from: encodeKey(start), to: encodeKey(end) };
  }
  const prefix = encodeKey(selector.prefix);
  return {
    from: "start" in selector
      ? encodeKey(selector.start)
      : Buffer.concat([prefix, Buffer.from([0x00])]),
    to: "end" in selector
      ? encodeKey(selector.end)
      : Buffer.concat([prefix, Buffer.from([0xff])]),
  };
}

/** Decodes a key. Throws a RangeError for bytes that {@linkcode encodeKey} does not write. */
export function decodeKey(bytes: Uint8Array): Key {
  const reader = new KeyReader(bytes);
  const parts: KeyPart[] = [];
  while (!reader.done) parts.push(reader.part());
  return parts;
}

function encodePart(part: KeyPart, out: number[]): void {
  if (typeof part === "string") {
    pushEscaped(TYPE.text, Buffer.from(part, "utf8"), out);
  } else if (part instanceof Uint8Array) {
    pushEscaped(TYPE.bytes, part, out);
  } else if (typeof part === "number") {
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(part);
    out.push(TYPE.number, ...flipSign(bits, (bits[0] ?? 0) >= 0x80));
  } else if (typeof part === "bigint") {
    pushInteger(part, out);
  } else {
    out.push(part ? TYPE.true : TYPE.false);
  }
}

function pushEscaped(type: number, bytes: Uint8Array, out: number[]): void {
  out.push(type);
  for (const byte of bytes) {
    out.push(byte);
    if (byte === 0) out.push(ESCAPED_ZERO);
  }
  out.push(0);
}

function pushInteger(value: bigint, out: number[]): void {
  const isNegative = value < 0n;
  const bytes = magnitude(isNegative ? -value : value);
  const count = bytes.length;
  if (count > 255) {
    throw new RangeError("A whole number in a key has at most 255 bytes");
  }
  if (count <= SHORT_INTEGER_BYTES) {
    out.push(TYPE.integer + (isNegative ? -count : count));
  } else if (isNegative) {
    out.push(TYPE.largeNegative, 0xff ^ count);
  } else {
    out.push(TYPE.largePositive, count);
  }
  // Inverted, so that the larger of two negative numbers comes later.
  for (const byte of bytes) out.push(isNegative ? 0xff ^ byte : byte);
}

function magnitude(value: bigint): Buffer {
  if (value === 0n) return Buffer.alloc(0);
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
}

/** Makes the bits of a double sort as its value, or undoes that. */
function flipSign(bits: Uint8Array, all: boolean): Uint8Array {
  return bits.map((byte, i) =>
    all ? 0xff ^ byte : i === 0 ? 0x80 ^ byte : byte
  );
}

class KeyReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  part(): KeyPart {
    const [type = 0] = this.#take(1);
    switch (type) {
      case TYPE.text:
        return Buffer.from(this.#escaped()).toString("utf8");
      case TYPE.bytes:
        return new Uint8Array(this.#escaped());
      case TYPE.number: {
        const bits = this.#take(8);
        const wasNegative = (bits[0] ?? 0) < 0x80;
        return Buffer.from(flipSign(bits, wasNegative)).readDoubleBE();
      }
      case TYPE.false:
        return false;
      case TYPE.true:
        return true;
      case TYPE.largePositive:
        return toInteger(this.#take(this.#take(1)[0] ?? 0), false);
      case TYPE.largeNegative:
        return toInteger(this.#take(0xff ^ (this.#take(1)[0] ?? 0)), true);
    }
    const count = type - TYPE.integer;
    if (Math.abs(count) <= SHORT_INTEGER_BYTES) {
      return toInteger(this.#take(Math.abs(count)), count < 0);
    }
    throw new RangeError(`No part of a key begins with the byte ${type}`);
  }

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new RangeError("The key is cut off");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  #escaped(): number[] {
    const out: number[] = [];
    while (true) {
      const [byte = 0] = this.#take(1);
      if (byte === 0) {
        if (this.#bytes[this.#at] !== ESCAPED_ZERO) return out;
        this.#at++;
      }
      out.push(byte);
    }
  }
}

function toInteger(bytes: Uint8Array, isNegative: boolean): bigint {
  let value = 0n;
  for (const byte of bytes) {
    value = (value << 8n) | BigInt(isNegative ? 0xff ^ byte : byte);
  }
  return isNegative ? -value : value;
}
