import assert from "node:assert/strict";
import fc from "fast-check";
import { FUZZ, valueOrClientError } from "../../tests/support/fuzz.ts";
import { isAppError } from "../errors.ts";
import {
  checkChunk,
  formatContentRange,
  formatUnsatisfiedRange,
  formatUploadRange,
  parseRange,
  parseUploadRange,
  rangeLength,
} from "./range.ts";

Deno.test("a range is closed, open, a suffix or clamped to the end", () => {
  const cases: [string, number, number][] = [
    ["bytes=500-1499", 500, 1499],
    ["bytes=500-", 500, 1999],
    ["bytes=-500", 1500, 1999],
    ["bytes=1000-5000", 1000, 1999],
    ["bytes=-5000", 0, 1999],
    ["bytes=0-0", 0, 0],
    ["bytes=0-99999999999999999999999", 0, 1999],
    ["Bytes= 1-2 ", 1, 2],
  ];
  for (const [header, start, end] of cases) {
    assert.deepEqual(parseRange(header, 2000), { start, end }, header);
  }
});

Deno.test("a range outside of the content is unsatisfiable", () => {
  const cases: [string, number][] = [
    ["bytes=500-0", 2000],
    ["bytes=2000-", 2000],
    ["bytes=5000-10000", 2000],
    ["bytes=-0", 2000],
    ["bytes=0-", 0],
    ["bytes=-1", 0],
    [`bytes=${"9".repeat(400)}-`, 2000],
  ];
  for (const [header, size] of cases) {
    assert.throws(
      () => parseRange(header, size),
      (error) =>
        isAppError(error, "RANGE_INVALID") && error.spec.status === 416,
      header,
    );
  }
});

Deno.test("a header that a server may ignore gives the whole content", () => {
  const headers = [
    undefined,
    null,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=0-1,3-4",
    "bytes=1",
    "lines=0-1",
    "bytes=0x1-2",
  ];
  for (const header of headers) {
    assert.equal(parseRange(header, 2000), undefined);
  }
});

Deno.test("any header gives a range within the content, or a client error", () => {
  const near = fc.string({ unit: fc.constantFrom(..."bytes=0123456789-, ") });
  const close = fc.tuple(fc.nat(3000), fc.nat(3000)).map(([a, b]) =>
    `bytes=${a}-${b}`
  );
  fc.assert(
    fc.property(
      fc.oneof(close, near, near.map((text) => `bytes=${text}`), fc.string()),
      fc.nat(2000),
      (header, size) => {
        const range = valueOrClientError(() => parseRange(header, size));
        if (range === undefined) return;
        assert.ok(0 <= range.start && range.start <= range.end);
        assert.ok(range.end < size);
      },
    ),
    FUZZ,
  );
});

Deno.test("a chunk's range may have a unit or not", () => {
  for (
    const header of ["5-9", "bytes 5-9", "bytes=5-9", "bytes 5-9/*", "5-9/100"]
  ) {
    const range = parseUploadRange(header);
    assert.deepEqual(range, { start: 5, end: 9 });
  }
  assert.equal(parseUploadRange(undefined), undefined);
  assert.equal(parseUploadRange(null), undefined);
});

Deno.test("a malformed chunk range is a bad request, a backward one unsatisfiable", () => {
  for (
    const header of [
      "",
      "5",
      "a-b",
      "5-",
      "-5",
      "5-9-12",
      "9999999999999999-9999999999999999",
    ]
  ) {
    assert.throws(
      () => parseUploadRange(header),
      (error) => isAppError(error, "BLOB_UPLOAD_INVALID"),
      header,
    );
  }
  assert.throws(
    () => parseUploadRange("9-5"),
    (error) => isAppError(error, "RANGE_INVALID"),
  );
});

Deno.test("a chunk must start at the end of the upload and have the announced length", () => {
  checkChunk({ start: 5, end: 9 }, 5, 5);
  checkChunk({ start: 5, end: 9 }, 5);
  assert.throws(
    () => checkChunk({ start: 6, end: 9 }, 5),
    (error) =>
      isAppError(error, "RANGE_INVALID") && /at byte 5;/.test(error.message),
  );
  assert.throws(
    () => checkChunk({ start: 5, end: 9 }, 5, 4),
    (error) => isAppError(error, "SIZE_INVALID"),
  );
});

Deno.test("any Content-Range gives a range or a client error", () => {
  const near = fc.string({ unit: fc.constantFrom(..."bytes =0123456789-/*") });
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), fc.nat(), (header, offset) => {
      const range = valueOrClientError(() => parseUploadRange(header));
      if (range === undefined) return;
      assert.ok(rangeLength(range) >= 1);
      valueOrClientError(() => checkChunk(range, offset, offset));
    }),
    FUZZ,
  );
});

Deno.test("ranges are formatted as clients expect them", () => {
  assert.equal(formatContentRange({ start: 1, end: 2 }, 3), "bytes 1-2/3");
  assert.equal(formatUnsatisfiedRange(3), "bytes */3");
  assert.equal(formatUploadRange(0), "0-0");
  assert.equal(formatUploadRange(1), "0-0");
  assert.equal(formatUploadRange(1024), "0-1023");
});
