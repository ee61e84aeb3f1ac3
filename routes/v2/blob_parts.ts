/**
 * Several ranges of a blob in one response (RFC 9110, section 14.6). Clients
 * that mount images without pulling them (eStargz) request many at once.
 *
 * @module
 */

import {
  type ByteRange,
  formatContentRange,
  rangeLength,
} from "../../lib/oci/range.ts";

/** Opens one range of the blob. */
export type OpenRange = (
  range: ByteRange,
) => Promise<ReadableStream<Uint8Array>>;

const encoder = new TextEncoder();

/**
 * A 206 with `ranges` of a blob of `size` bytes, in their order. `first` is the
 * open body of the first one; the others are opened one after the other.
 */
export function partsResponse(
  { size, ranges, type, headers }: {
    size: number;
    ranges: readonly ByteRange[];
    /** Media type of the blob. */
    type: string;
    headers: Readonly<Record<string, string>>;
  },
  first: ReadableStream<Uint8Array>,
  open: OpenRange,
): Response {
  const boundary = crypto.randomUUID();
  const heads = ranges.map((range, i) =>
    encoder.encode(
      `${i === 0 ? "" : "\r\n"}--${boundary}\r\n` +
        `content-type: ${type}\r\n` +
        `content-range: ${formatContentRange(range, size)}\r\n\r\n`,
    )
  );
  const end = encoder.encode(`\r\n--${boundary}--\r\n`);
  const length = ranges.reduce((sum, range) => sum + rangeLength(range), 0) +
    heads.reduce((sum, head) => sum + head.length, end.length);
  async function* bytes() {
    for (const [i, range] of ranges.entries()) {
      yield heads[i] ?? end;
      yield* i === 0 ? first : await open(range);
    }
    yield end;
  }
  return new Response(ReadableStream.from(bytes()), {
    status: 206,
    headers: {
      ...headers,
      "content-length": String(length),
      "content-type": `multipart/byteranges; boundary=${boundary}`,
    },
  });
}
