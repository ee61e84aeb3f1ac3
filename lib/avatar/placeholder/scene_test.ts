import assert from "node:assert/strict";
import fc from "fast-check";
import { sceneRgba } from "./raster.ts";
import { placeholderScene } from "./scene.ts";
import { sceneSvg } from "./svg.ts";
import { readableColour } from "./colour.ts";
import { initials } from "./initials.ts";

const DID = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

/** Contrast with white, 1 to 21 (WCAG 2.2, "relative luminance"). */
function contrastWithWhite(colour: readonly number[]): number {
  const [r = 0, g = 0, b = 0] = colour.map((value) =>
    value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4
  );
  return 1.05 / (0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05);
}

Deno.test("white text is readable on every placeholder", () => {
  for (let hue = 0; hue < 360; hue++) {
    const ratio = contrastWithWhite(readableColour(hue));
    assert.ok(ratio >= 4.5 && ratio < 10, `${hue}: ${ratio}`);
  }
});

Deno.test("an account always gets the same placeholder, different from others", () => {
  for (const kind of ["initials", "identicon"] as const) {
    const draw = (did: string) =>
      sceneSvg(placeholderScene(kind, did, "alice.test"), 64, 64);
    assert.equal(draw(DID), draw(DID));
    assert.notEqual(draw(DID), draw("did:web:example.com"));
  }
});

Deno.test("initials come from the words of the handle, else from the DID", () => {
  assert.equal(initials(DID, "alice.bsky.social"), "a");
  assert.equal(initials(DID, "jay-graber.example.com"), "jg");
  assert.equal(initials(DID, "-.example.com"), "?");
  assert.equal(initials(DID, undefined), "e");
});

Deno.test("the SVG names the account and its text is escaped", () => {
  const svg = sceneSvg(
    placeholderScene("initials", DID, '"><script>'),
    200,
    200,
  );
  assert.match(svg, /role="img" aria-labelledby="title"/);
  assert.match(
    svg,
    /<title id="title">Placeholder for the picture of &quot;&gt;&lt;script&gt;</,
  );
  assert.ok(!svg.includes("<script"));
});

Deno.test("pixels show the background in the corner and the letter in the middle", () => {
  const scene = placeholderScene("initials", DID, "i.example.com");
  const data = sceneRgba(scene, 100, 100);
  assert.deepEqual([...data.subarray(0, 4)], [...scene.background, 255]);
  const middle = (50 * 100 + 50) * 4;
  assert.deepEqual([...data.subarray(middle, middle + 4)], [
    255,
    255,
    255,
    255,
  ]);
});

Deno.test("an identicon is its own mirror image", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (name) => {
      const scene = placeholderScene("identicon", `did:plc:${name}`, undefined);
      const data = sceneRgba(scene, 50, 50);
      const pixels = new Uint32Array(data.buffer);
      for (let y = 0; y < 50; y++) {
        for (let x = 0; x < 25; x++) {
          assert.equal(pixels[y * 50 + x], pixels[y * 50 + 49 - x]);
        }
      }
    }),
    { numRuns: 30 },
  );
});
