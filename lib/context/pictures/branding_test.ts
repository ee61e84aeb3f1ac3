import assert from "node:assert/strict";
import { join } from "node:path";
import { ConfigError } from "../../config/config_error.ts";
import { load } from "../../config/testing_config.ts";
import { shareDrawing } from "../../share/drawing.ts";
import { logoAddress, readBranding, shareBrand } from "./branding.ts";

const LOGO = '<svg xmlns="http://www.w3.org/2000/svg"/>';

const SHARED = { title: "app", facts: [] };

async function inFolder(run: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "atcr-logo-" });
  await run(folder).finally(() => Deno.remove(folder, { recursive: true }));
}

Deno.test("a logo that cannot be read or shown is refused with a sentence about it", () =>
  inFolder(async (folder) => {
    await Deno.writeTextFile(join(folder, "page.png"), "<html>");
    await Deno.writeTextFile(join(folder, "large.svg"), "a".repeat(200_000));
    const wrong: [string, RegExp][] = [
      ["none.png", /pages\.logo: the file .*none\.png cannot be read: /],
      ["page.png", /pages\.logo: the file .*page\.png is neither a PNG/],
      ["large.svg", /large\.svg has 200000 bytes; a logo has at most 102400/],
      ["", /pages\.logo: .* is not a file/],
    ];
    for (const [name, reason] of wrong) {
      await assert.rejects(
        readBranding(load({ ATCR_PAGES_LOGO: join(folder, name) })),
        (error) => error instanceof ConfigError && reason.test(error.message),
        name,
      );
    }
  }));

Deno.test("share pictures and the consent page of a PDS have the logo, the colour and the short name", () =>
  inFolder(async (folder) => {
    const file = join(folder, "logo.svg");
    await Deno.writeTextFile(file, LOGO);
    const branding = await readBranding(load({
      ATCR_SERVER_CLIENT_NAME: "The registry of Example",
      ATCR_SERVER_CLIENT_SHORT_NAME: "Example",
      ATCR_PAGES_LOGO: file,
      ATCR_PAGES_ACCENT: "#00694a",
    }));
    assert.match(logoAddress(branding) ?? "", /^\/static\/logo-.*\.svg$/);
    const svg = shareDrawing({ ...SHARED, brand: shareBrand(branding) });
    const data = new TextEncoder().encode(LOGO).toBase64();
    assert.ok(svg.includes(`href="data:image/svg+xml;base64,${data}"`));
    assert.match(svg, /fill="#00694a"/);
    assert.match(svg, />Example<\/text>/);
  }));

Deno.test("a logo elsewhere is not in share pictures, and nothing is changed by default", async () => {
  const url = "https://a.example/logo.png";
  const branding = await readBranding(load({ ATCR_PAGES_LOGO: url }));
  assert.equal(logoAddress(branding), url);
  const svg = shareDrawing({ ...SHARED, brand: shareBrand(branding) });
  assert.doesNotMatch(svg, /<image/);
  const plain = await readBranding(load({}));
  assert.equal(plain.name, "ATCR");
  assert.equal(logoAddress(plain), undefined);
  assert.equal(
    shareDrawing({ ...SHARED, brand: shareBrand(plain) }),
    shareDrawing({ ...SHARED, brand: { name: "ATCR" } }),
  );
});
