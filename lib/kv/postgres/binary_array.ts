/**
 * Arrays as parameters in PostgreSQL's binary format, which spares the server
 * and us the text form of bytes.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** Type numbers of the elements (pg_type.dat). */
const OID = { bytea: 17, int8: 20, text: 25, float8: 701 } as const;

/** `bytea[]` */
export function byteaArray(items: readonly (Uint8Array | null)[]): Buffer {
  return array(OID.bytea, items);
}

/** `text[]` */
export function textArray(items: readonly (string | null)[]): Buffer {
  return array(
    OID.text,
    items.map((item) => item === null ? null : Buffer.from(item, "utf8")),
  );
}

/** `bigint[]` */
export function bigintArray(items: readonly (bigint | null)[]): Buffer {
  return array(
    OID.int8,
    items.map((item) => {
      if (item === null) return null;
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(BigInt.asIntN(64, item));
      return bytes;
    }),
  );
}

/** `float8[]` */
export function floatArray(items: readonly (number | null)[]): Buffer {
  return array(
    OID.float8,
    items.map((item) => {
      if (item === null) return null;
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleBE(item);
      return bytes;
    }),
  );
}

function array(oid: number, items: readonly (Uint8Array | null)[]): Buffer {
  if (items.length === 0) return int32s([0, 0, oid]);
  const hasNull = items.some((item) => item === null) ? 1 : 0;
  const parts: Uint8Array[] = [int32s([1, hasNull, oid, items.length, 1])];
  for (const item of items) {
    parts.push(int32s([item === null ? -1 : item.length]));
    if (item !== null) parts.push(item);
  }
  return Buffer.concat(parts);
}

function int32s(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeInt32BE(value, 4 * i);
  return bytes;
}
