import assert from "node:assert/strict";
import { adviceOfDeno, refusalOfDeno } from "./oldest_deno.ts";

Deno.test("an older Deno is refused with a sentence that names both versions", () => {
  for (const version of ["1.46.3", "2.4.5", "2.4.99"]) {
    const refusal = refusalOfDeno(version) ?? "";
    assert.ok(refusal.includes(`This is Deno ${version},`), refusal);
    assert.ok(refusal.includes("needs Deno 2.5.0 or newer"), refusal);
  }
});

Deno.test("the oldest Deno and newer ones are accepted", () => {
  for (const version of ["2.5.0", "2.5.1", "2.9.6", "2.10.0", "3.0.0"]) {
    assert.equal(refusalOfDeno(version), undefined, version);
  }
});

Deno.test("the sentence names what needs a newer Deno", () => {
  const refusal = refusalOfDeno("2.8.3", "the sandbox network", "2.9.0") ?? "";
  assert.match(refusal, /2\.8\.3, and the sandbox network needs Deno 2\.9\.0/);
});

Deno.test("a Deno whose server has no limits on connections is named, with what to do", () => {
  for (const version of ["2.5.0", "2.7.14"]) {
    const advice = adviceOfDeno(version) ?? "";
    assert.match(advice, /needs? Deno 2\.8\.0 or newer\. Run "deno upgrade"/);
    assert.match(advice, /proxy/);
  }
  for (const version of ["2.8.0", "2.9.6", "3.0.0"]) {
    assert.equal(adviceOfDeno(version), undefined, version);
  }
});
