import assert from "node:assert/strict";
import { type Digest, digestOf } from "./digest.ts";
import { namedDigests } from "./named_digests.ts";

const encode = (value: unknown) =>
  new TextEncoder().encode(
    typeof value === "string" ? value : JSON.stringify(value),
  );
const digest = (text: string): Digest => digestOf(encode(text));
const descriptor = (text: string) => ({
  mediaType: "application/octet-stream",
  digest: digest(text),
  size: 1,
});
const named = (value: unknown) => [...namedDigests(encode(value))].sort();
const digests = (...names: string[]) => names.map(digest).sort();

Deno.test("digests are found in every field, known or not", () => {
  const strong = digestOf(encode("strong"), "sha512");
  assert.deepEqual(
    named({
      config: descriptor("config"),
      layers: [descriptor("layer")],
      manifests: [descriptor("child")],
      blobs: [descriptor("blob")],
      subject: descriptor("subject"),
      annotations: { "org.example.base": `example.com/a@${digest("base")}` },
      own: { deep: [[{ any: digest("deep") }]], [digest("name")]: 1, strong },
    }),
    [
      ...digests(
        ..."config layer child blob subject base deep name".split(" "),
      ),
      strong,
    ].sort(),
  );
});

Deno.test("digests are found in content that a descriptor embeds", () => {
  const embed = (value: unknown) => ({
    ...descriptor("child"),
    data: encode(value).toBase64(),
  });
  const child = {
    layers: [descriptor("one"), embed({ config: digest("two") })],
  };
  assert.deepEqual(
    named({ manifests: [embed(child), { data: "no base64!" }] }),
    digests("child", "one", "two"),
  );
});

Deno.test("escapes hide no digest, and bytes that are not JSON are searched as text", () => {
  const escaped = JSON.stringify({ x: digest("one") })
    .replace("sha256", "\\u0073ha256");
  assert.deepEqual(named(escaped), digests("one"));
  assert.deepEqual(named(`{"x":"${digest("one")}"`), digests("one"));
  assert.deepEqual(named(`${digest("one")}0`), []);
  assert.deepEqual(named("sha256:abc sha512:"), []);
});
