import assert from "node:assert/strict";
import fc from "fast-check";
import { accentProblem, accentsOf } from "./accent.ts";
import { type Colour, inkOn, lowestContrast, parseColour } from "./colour.ts";

const colours = fc.integer({ min: 0, max: 0xffffff })
  .map((value): Colour => `#${value.toString(16).padStart(6, "0")}`);

Deno.test("colours are read as three or six hexadecimal digits, and as nothing else", () => {
  assert.equal(parseColour("#C2410C"), "#c2410c");
  assert.equal(parseColour("#1af"), "#11aaff");
  for (const text of ["red", "#12", "#12345", "#1234567", "#c2410c;}", ""]) {
    assert.equal(parseColour(text), undefined, text);
  }
});

Deno.test("contrast is that of WCAG", () => {
  assert.equal(lowestContrast("#000000", ["#ffffff"]), 21);
  assert.equal(lowestContrast("#777777", ["#777777"]), 1);
  assert.equal(lowestContrast("#767676", ["#ffffff"]).toFixed(2), "4.54");
  assert.equal(lowestContrast("#0000ff", ["#ffffff"]).toFixed(2), "8.59");
});

/** What accents stand on, as the style sheet of light and dark pages has it. */
async function backgrounds(): Promise<{ light: Colour[]; dark: Colour[] }> {
  const tokens = await Deno.readTextFile(
    new URL("../../static/style/tokens.css", import.meta.url),
  );
  const [plain = ""] = tokens.split("@media");
  const pairs = ["paper", "surface", "sunken"].map((name) =>
    plain.match(new RegExp(`--${name}: light-dark\\((#\\w+), (#\\w+)\\)`)) ?? []
  );
  const side = (at: number) =>
    pairs.map((pair) => parseColour(pair[at] ?? "") ?? assert.fail());
  return { light: side(1), dark: side(2) };
}

Deno.test("what is proposed in place of a pale colour is seen on light pages, and what follows for dark pages there", async () => {
  const { light: onLight, dark: onDark } = await backgrounds();
  fc.assert(fc.property(colours, (colour) => {
    const problem = accentProblem(colour, "light");
    const proposed = problem?.match(/; (#\w{6}) has that$/)?.[1];
    const light = parseColour(proposed ?? colour);
    assert.ok(light);
    assert.equal(accentProblem(light, "light"), undefined);
    assert.ok(lowestContrast(light, onLight) >= 4.5, light);
    const { dark } = accentsOf(light);
    assert.ok(lowestContrast(dark, onDark) >= 4.5, dark);
    assert.ok(lowestContrast(light, [inkOn(light)]) >= 4.5, light);
  }));
});
