import assert from "node:assert/strict";
import type { Frame } from "./frame/frame.ts";
import { hostOf } from "./host_of.ts";

function chosen(domain: string | undefined) {
  return { frame: { domain } as Frame };
}

Deno.test("commands have the domain that the visitor chose, if it is one of this registry", () => {
  const of = hostOf(["a.test", "b.test"], "host.test");
  assert.equal(of(chosen(undefined)), "a.test");
  assert.equal(of(chosen("b.test")), "b.test");
  assert.equal(of(chosen("evil.test")), "a.test");
  assert.equal(hostOf([], "host.test")(chosen("b.test")), "host.test");
});
