import assert from "node:assert/strict";
import { warning } from "./answers.ts";

Deno.test("a warning is one quoted string of limited length, for any text", () => {
  assert.deepEqual(warning(undefined), {});
  assert.deepEqual(warning('Say "no" \\ née\r\n'), {
    warning: '299 - "Say \\"no\\" \\\\ n?e??"',
  });
  const longest = warning('"'.repeat(10_000))["warning"] ?? "";
  assert.ok(longest.length <= 4_096);
  new Headers(warning("\u0000 \u{1f433} \t"));
});
