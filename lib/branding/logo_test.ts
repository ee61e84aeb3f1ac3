import assert from "node:assert/strict";
import { logoOf, MAX_LOGO_BYTES, type PictureReader } from "./logo.ts";

const none: PictureReader = () => undefined;

function svg(text: string) {
  return logoOf(new TextEncoder().encode(text), none);
}

function picture(format: string, width = 64, height = 64) {
  return logoOf(new Uint8Array(20), () => ({ format, width, height }));
}

Deno.test("a small PNG, WebP or SVG is a logo, with a path that its content names", () => {
  const drawn = svg(
    `<?xml version="1.0"?>\n<!-- a --><svg viewBox="0 0 1 1"><a id="b"/><use href="#b"/></svg>`,
  );
  assert.ok(typeof drawn === "object", String(drawn));
  assert.equal(drawn.type, "image/svg+xml");
  assert.match(drawn.path, /^\/static\/logo-[0-9A-F]{8}\.svg$/);
  for (const format of ["png", "webp"]) {
    const logo = picture(format, 64, 32);
    assert.ok(typeof logo === "object");
    assert.equal(logo.type, `image/${format}`);
    assert.deepEqual(logo.size, { width: 64, height: 32 });
  }
});

Deno.test("a file of another type, too large, or with something active in it is refused with the reason", () => {
  const refused: [unknown, RegExp][] = [
    [picture("gif"), /format gif/],
    [picture("png", 4000, 10), /4000 times 10 pixels/],
    [logoOf(new Uint8Array(MAX_LOGO_BYTES + 1), none), /has 102401 bytes/],
    [svg("<html><svg></svg></html>"), /neither a PNG/],
    [svg('<!DOCTYPE svg [<!ENTITY a "b">]><svg/>'), /neither a PNG/],
    [svg(""), /neither a PNG/],
    [svg("<svg><script>1</script></svg>"), /“script”/],
    [svg("<svg><x:script/></svg>"), /“script”/],
    [svg('<svg\nonload="a()"></svg>'), /“onload”/],
    [svg('<svg><image href="https://a.test/b"/></svg>'), /“image”/],
    [svg('<svg><use href="https://a.test/b"/></svg>'), /“use/],
    [svg('<svg><a href="javascript:a()"/></svg>'), /“javascript:”/],
    [svg("<svg><style>@import 'a';</style></svg>"), /“@import”/],
    [svg('<svg fill="url(https://a.test/b)"/>'), /“url/],
  ];
  for (const [result, reason] of refused) {
    assert.ok(typeof result === "string", String(reason));
    assert.match(result, reason);
  }
});
