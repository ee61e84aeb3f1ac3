import assert from "node:assert/strict";
import fc from "fast-check";
import { SHARE_SIZE, shareDrawing } from "./drawing.ts";
import { cut, drawable, lines, widthOf } from "./letters.ts";
import { DrawingThread } from "./thread.ts";

/** Width and height of a PNG picture. */
function sizeOf(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset);
  assert.equal(view.getUint32(0), 0x89504e47);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

Deno.test("what strangers write is text in a drawing, never markup", () => {
  const evil = '</text><image href="file:///etc/passwd"/>&amp;<script>';
  const svg = shareDrawing({
    brand: { name: evil },
    above: evil,
    title: evil,
    text: evil,
    facts: [evil],
  });
  assert.doesNotMatch(svg, /<image|<script/);
  assert.match(svg, /&lt;\/text>|&lt;\/text&gt;/);
});

Deno.test("any texts make a drawing of known elements that are closed", () => {
  const text = fc.string({ unit: "binary", maxLength: 500 });
  fc.assert(
    fc.property(
      text,
      text,
      text,
      fc.array(text),
      (name, title, words, facts) => {
        const brand = { name };
        const svg = shareDrawing({ brand, title, text: words, facts });
        const names = [...svg.matchAll(/<\/?([^\s>/]+)/g)].map(([, one]) =>
          one
        );
        assert.deepEqual(
          names.filter((name) => !/^(svg|rect|path|g|text)$/.test(name ?? "")),
          [],
        );
        assert.doesNotMatch(svg, /(?!\n)[\p{Cc}\ufffe\uffff]/u);
      },
    ),
  );
});

Deno.test("a text is left out where the fonts lack most of its letters", () => {
  assert.equal(drawable("日本語のテキスト"), undefined);
  assert.equal(drawable("Fast 🚀 server\n for\tmany"), "Fast server for many");
  assert.equal(drawable("Привет, Ελλάδα, Łódź"), "Привет, Ελλάδα, Łódź");
  assert.equal(drawable(" \u202e "), undefined);
  assert.equal(drawable(undefined), undefined);
});

Deno.test("a long name is broken after its parts, and its end is cut", () => {
  assert.deepEqual(lines("team/platform/api", 50, { width: 400, max: 2 }), [
    "team/platform/",
    "api",
  ]);
  const room = { width: 300, max: 2 };
  const [, last = ""] = lines("a".repeat(300), 50, room);
  const [only = ""] = lines("a".repeat(300), 50, { width: 300, max: 1 });
  assert.ok(only.endsWith("…") && widthOf(only, 50) <= 300);
  assert.ok(last === "" || widthOf(last, 50) <= 300);
  assert.equal(cut("short", 50, 900), "short");
});

Deno.test("a picture is drawn on a thread without permissions, as PNG of the usual size", async () => {
  const thread = new DrawingThread();
  try {
    const facts = {
      brand: { name: "ATCR" },
      title: "Łódź & Привет",
      text: "An API server",
      facts: ["1.0"],
    };
    const [named, plain] = await Promise.all([
      thread.draw(shareDrawing(facts)),
      thread.draw(
        shareDrawing({ brand: { name: "ATCR" }, title: "", facts: [] }),
      ),
    ]);
    assert.deepEqual(sizeOf(named), SHARE_SIZE);
    assert.deepEqual(sizeOf(plain), SHARE_SIZE);
    // Letters were drawn: nothing but a sign is much smaller.
    assert.ok(named.length > plain.length + 5_000);
    await assert.rejects(thread.draw("<svg"), Error);
    assert.ok((await thread.draw(shareDrawing(facts))).length > 0);
  } finally {
    thread.close();
  }
});
