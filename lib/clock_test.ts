import assert from "node:assert/strict";
import { endsWithin, isAhead, isWithin } from "./clock.ts";

const NOW = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

Deno.test("what began goes on until its life is over, and not when it began ahead of now", () => {
  assert.ok(isWithin(NOW, HOUR, NOW));
  assert.ok(isWithin(NOW, HOUR, NOW + HOUR - 1));
  assert.ok(!isWithin(NOW, HOUR, NOW + HOUR));
  assert.ok(!isWithin(NOW, HOUR, NOW - 60_000));
  assert.ok(!isWithin(-Infinity, HOUR, NOW));
  assert.ok(endsWithin(NOW + HOUR, HOUR, NOW));
  assert.ok(!endsWithin(NOW + HOUR, HOUR, NOW + HOUR));
  assert.ok(!endsWithin(NOW + 2 * HOUR, HOUR, NOW));
});

Deno.test("clocks of two machines may differ by some seconds", () => {
  assert.ok(!isAhead(NOW + 5_000, NOW));
  assert.ok(isAhead(NOW + 60_000, NOW));
  assert.ok(isWithin(NOW + 5_000, HOUR, NOW));
});
