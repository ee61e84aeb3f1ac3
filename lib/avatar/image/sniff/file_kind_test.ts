import assert from "node:assert/strict";
import { fixture } from "../../../../tests/support/images.ts";
import { AppError } from "../../../errors.ts";
import { checkedSniff, DEFAULT_LIMITS } from "../image_limits.ts";

function refusalOf(bytes: Uint8Array, what: RegExp): string {
  try {
    checkedSniff(bytes, DEFAULT_LIMITS);
  } catch (error) {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "UNSUPPORTED_MEDIA_TYPE");
    return error.message;
  }
  throw new Error(`${what} was accepted`);
}

const text = (content: string) => new TextEncoder().encode(content);
const latin1 = (content: string) =>
  Uint8Array.from(content, (letter) => letter.charCodeAt(0));

/** A JPEG with the frame header `marker` and samples of `bits`. */
function jpeg(marker: number, bits: number): Uint8Array {
  return new Uint8Array([
    ...[0xff, 0xd8, 0xff, marker, 0, 11, bits, 0, 8, 0, 8, 1, 1, 0x11, 0],
    ...[0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0, 0xff, 0xd9],
  ]);
}

Deno.test("a refusal says what the file is and what is accepted", () => {
  const cases: [Uint8Array, RegExp][] = [
    [fixture("other/le.tif"), /is TIFF or a raw photo\./],
    [fixture("other/quad.bmp"), /is BMP\./],
    [fixture("other/quad.heic"), /is HEIC\./],
    [fixture("other/quad.ico"), /is an icon \(ICO\)\./],
    [fixture("other/script.svg"), /is SVG\./],
    [fixture("broken/empty.bin"), /is empty\./],
    [fixture("broken/one-byte.bin"), /is (text|not an image)/],
    [fixture("broken/png-sig-only.png"), /is PNG, but cut off/],
    [jpeg(0xc0, 8).subarray(0, 12), /is JPEG, but cut off/],
    [latin1("GIF89a\0\0\x40\0\xf1\0"), /is GIF, but cut off/],
    [jpeg(0xc3, 8), /is JPEG, but .*lossless/],
    [jpeg(0xc1, 12), /is JPEG, but .*12 bits/],
    [latin1("\0\0\0\x0cJXL \r\n\x87\n"), /is JPEG XL\./],
    [latin1("\xff\x0a\xfa\x1f\x01\x90\x08\x10"), /is JPEG XL\./],
    [latin1("\0\0\0\x0cjP  \r\n\x87\n"), /is JPEG 2000\./],
    [latin1("\0\0\0\x20ftypisom\0\0\0\0"), /is a video\./],
    [latin1("\0\0\0\x20ftypavis\0\0\0\0"), /is an animated AVIF\./],
    [latin1("\0\0\0\x20ftypavif\0\0\0\0"), /is AVIF, but cut off/],
    [latin1("RIFF\0\0\0\0WEBPVP8 "), /is WebP, but cut off/],
    [latin1("RIFF\0\0\0\0WAVEfmt "), /is not an image that is known here\./],
    [latin1("8BPS\0\x01\0\0\0\0\0\0"), /is a Photoshop document\./],
    [text("%PDF-1.7 and more"), /is PDF\./],
    [text("<!DOCTYPE html><html></html>"), /is a web page \(HTML\)\./],
    [text('{"error":"BlobNotFound"}'), /is text\./],
    [new Uint8Array(100).fill(0x9d), /is not an image that is known here\./],
  ];
  for (const [bytes, what] of cases) {
    const message = refusalOf(bytes, what);
    assert.match(message, what);
    assert.match(
      message,
      /Accepted are JPEG, PNG, GIF, WebP and still AVIF\.$/,
    );
  }
});

Deno.test("a file is named without reading all of it", () => {
  const huge = new Uint8Array(5_000_000).fill(0x20);
  huge.set(text("<svg>"), 4_999_000);
  assert.match(refusalOf(huge, /text/), /is text\./);
});
