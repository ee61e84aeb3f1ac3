import assert from "node:assert/strict";
import { verifySigWithDidKey } from "@atcute/crypto";
import { SecretBox } from "../../crypto/secret_box.ts";
import { loadSigningKey } from "./signing_key.ts";
import { openKv } from "../../kv/open_kv.ts";

const SECRET = new Uint8Array(32).fill(7);

Deno.test("the signing key is created once and found by every instance", async () => {
  const kv = await openKv(":memory:");
  const box = new SecretBox(SECRET);
  const all = await Promise.all(
    [1, 2, 3].map(() => loadSigningKey(kv, box, "hold")),
  );
  const again = await loadSigningKey(kv, new SecretBox(SECRET), "hold");
  const keys = new Set([...all, again].map(({ didKey }) => didKey));
  assert.equal(keys.size, 1);
  const other = await loadSigningKey(kv, box, "rotation");
  assert.ok(!keys.has(other.didKey));
  const data = new TextEncoder().encode("data");
  const sig = await all[0]?.sign(data) ?? new Uint8Array();
  const { didKey } = again;
  assert.match(didKey, /^did:key:zQ3s/);
  assert.ok(
    await verifySigWithDidKey(
      `did:key:${didKey.slice(8)}`,
      new Uint8Array(sig),
      data,
    ),
  );
  kv.close();
});

Deno.test("the stored signing key cannot be used without the secret", async () => {
  const kv = await openKv(":memory:");
  await loadSigningKey(kv, new SecretBox(SECRET), "hold");
  await assert.rejects(
    loadSigningKey(kv, new SecretBox(new Uint8Array(32)), "hold"),
  );
  kv.close();
});
