import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { digestOf } from "../../oci/digest.ts";
import { ManualClock } from "../../testing_clock.ts";
import { PullSessions } from "./pull_sessions.ts";

const ALICE: Did = "did:plc:aaaaaaaaaaaaaaaaaaaaaaaa";
const digest = (text: string) => digestOf(new TextEncoder().encode(text));
const INDEX = {
  digest: digest("index"),
  mediaType: "application/vnd.oci.image.index.v1+json",
};
const IMAGE = {
  digest: digest("image"),
  mediaType: "application/vnd.oci.image.manifest.v1+json",
};

function open() {
  const clock = new ManualClock();
  const sessions = new PullSessions(clock);
  type Manifest = typeof INDEX;
  const request = (
    manifest: Manifest,
    tag?: string,
    more: { client?: string | undefined; isReferrer?: boolean } = {},
  ) => ({
    ...{ did: ALICE, repo: "app", tag, isReferrer: false, client: "c" },
    ...manifest,
    ...more,
  });
  return {
    clock,
    head: (...args: Parameters<typeof request>) =>
      sessions.looked(request(...args)),
    get: (...args: Parameters<typeof request>) =>
      sessions.pull(request(...args)),
  };
}

Deno.test("docker's pull of an index is one, and of the tag that it looked up", () => {
  const { head, get } = open();
  head(INDEX, "latest");
  assert.deepEqual(get(INDEX), { tag: "latest" });
  assert.equal(get(IMAGE), undefined);
});

Deno.test("a tag, its index and a platform are one pull", () => {
  const { get } = open();
  assert.deepEqual(get(INDEX, "v1"), { tag: "v1" });
  assert.equal(get(INDEX), undefined);
  assert.equal(get(IMAGE), undefined);
});

Deno.test("an image without an index counts by tag and by digest", () => {
  const { head, get } = open();
  head(IMAGE, "v1");
  assert.deepEqual(get(IMAGE), { tag: "v1" });
  assert.deepEqual(get(IMAGE, "v1", { client: "d" }), { tag: "v1" });
  assert.deepEqual(get(IMAGE, undefined, { client: "e" }), { tag: undefined });
});

Deno.test("after a minute the same request is another pull", () => {
  const { get, clock } = open();
  get(INDEX, "v1");
  clock.advance(59_999);
  assert.equal(get(IMAGE), undefined);
  clock.advance(1);
  assert.deepEqual(get(IMAGE), { tag: undefined });
});

Deno.test("indistinguishable clients count by tag and by index, children do not", () => {
  const { get } = open();
  const nobody = { client: undefined };
  for (let i = 0; i < 2; i++) {
    assert.deepEqual(get(INDEX, "v1", nobody), { tag: "v1" });
    assert.deepEqual(get(INDEX, undefined, nobody), { tag: undefined });
    assert.equal(get(IMAGE, undefined, nobody), undefined);
  }
});

Deno.test("signatures and attestations are no pulls, by tag or by digest", () => {
  const { get } = open();
  const hex = "a".repeat(64);
  const tags = ["", ".sig", ".att", ".sbom"].map((end) =>
    `sha256-${hex}${end}`
  );
  for (const tag of tags) assert.equal(get(IMAGE, tag), undefined);
  assert.equal(get(IMAGE, undefined, { isReferrer: true }), undefined);
  assert.deepEqual(get(IMAGE, "sha256-notes"), { tag: "sha256-notes" });
});
