import assert from "node:assert/strict";
import { isLoopbackAddress } from "./client_subject.ts";

Deno.test("loopback addresses are recognised in every spelling", () => {
  const own = ["127.0.0.1", "127.200.3.4", "::1", "::ffff:127.0.0.1"];
  own.push("0:0:0:0:0:0:0:1", "::ffff:7f00:1");
  for (const address of own) assert.ok(isLoopbackAddress(address), address);
  const others = ["128.0.0.1", "10.0.0.1", "::2", "::ffff:10.0.0.1", "x", ""];
  for (const address of others) {
    assert.ok(!isLoopbackAddress(address), address);
  }
});
