import assert from "node:assert/strict";
import { SecretBox } from "./secret_box.ts";

const box = (byte: number) => SecretBox.open(new Uint8Array(32).fill(byte));

Deno.test("what was sealed comes back with the same secret and purpose", async () => {
  const sealed = await (await box(1)).sealJson(
    { token: "secret" },
    "session a",
  );
  assert.deepEqual(await (await box(1)).openJson(sealed, "session a"), {
    token: "secret",
  });
});

Deno.test("a sealed value shows nothing of what is in it, and differs each time", async () => {
  const one = await box(1);
  const first = await one.sealJson({ token: "secret" }, "a");
  const second = await one.sealJson({ token: "secret" }, "a");
  assert.notDeepEqual(first, second);
  assert.ok(!new TextDecoder().decode(first).includes("secret"));
});

Deno.test("another secret, another purpose or a changed byte opens nothing", async () => {
  const one = await box(1);
  const sealed = await one.seal(new TextEncoder().encode("plain"), "a");
  await assert.rejects((await box(2)).open(sealed, "a"));
  await assert.rejects(one.open(sealed, "b"));
  for (const at of [0, 5, sealed.length - 1]) {
    const changed = sealed.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    await assert.rejects(one.open(changed, "a"));
  }
});

Deno.test("derived keys and codes depend on the purpose and the secret only", async () => {
  const one = await box(1);
  assert.deepEqual(await one.derive("a"), await (await box(1)).derive("a"));
  assert.notDeepEqual(await one.derive("a"), await one.derive("b"));
  assert.notDeepEqual(await one.derive("a"), await (await box(2)).derive("a"));
  assert.equal(await one.mac("x", "a"), await (await box(1)).mac("x", "a"));
  assert.notEqual(await one.mac("x", "a"), await one.mac("x", "b"));
});
