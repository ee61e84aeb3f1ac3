/** Compares our pictures with those of sharp. */

import assert from "node:assert/strict";
import { DEFAULT_LIMITS } from "../../lib/avatar/image/image_limits.ts";
import { render } from "../../lib/avatar/image/render.ts";
import { psnr, sharp, ssim } from "./oracle.ts";
import { photos } from "./photos.ts";
import { say } from "./say.ts";

const SIDES = [64, 200];
const BOUNDS = { ssim: 0.99, webpBytes: 1.06, jpegBytes: 1.06 };

async function ours(
  bytes: Uint8Array,
  side: number,
  format: "webp" | "jpg" | "png",
): Promise<Uint8Array> {
  const { bytes: result } = await render(bytes, {
    width: side,
    height: side,
    fit: "cover",
    density: 1,
    enlarge: false,
    format,
    quality: 85,
  }, { ...DEFAULT_LIMITS, maxBytes: 1e9 });
  return result;
}

const rgba = (bytes: Uint8Array) => sharp(bytes).ensureAlpha().raw().toBuffer();

Deno.test("pictures look like those of sharp", async () => {
  for (const photo of await photos(Deno.env.get("PHOTOS"))) {
    const sources = {
      jpeg: await photo.jpeg(1000),
      progressive: await photo.progressive(1000),
      png: await photo.png(1000),
    };
    for (const [kind, bytes] of Object.entries(sources)) {
      for (const side of SIDES) {
        const got = await rgba(await ours(bytes, side, "png"));
        const wanted = await sharp(bytes).resize(side, side).ensureAlpha()
          .raw().toBuffer();
        const likeness = ssim(got, wanted, side);
        say(
          `${photo.name} ${kind} 1000 to ${side}: SSIM ${
            likeness.toFixed(4)
          }, ${psnr(got, wanted).toFixed(1)} dB`,
        );
        assert.ok(likeness >= BOUNDS.ssim, `${photo.name} ${kind} ${side}`);
      }
    }
  }
});

Deno.test("a profile is applied for every input format", async () => {
  // Colours with different values in Display P3 and sRGB.
  const [width, height] = [64, 64];
  const raw = Uint8Array.from(
    { length: width * height * 3 },
    (_, i) => [250, 40, 60, 30, 200, 80][(i + 3 * (i >> 10)) % 6] ?? 0,
  );
  const flat = sharp(raw, { raw: { width, height, channels: 3 } });
  const wanted = await flat.clone().ensureAlpha().raw().toBuffer();
  const wide = flat.withIccProfile("p3");
  const sources = {
    jpeg: await wide.clone().jpeg({ quality: 100, chromaSubsampling: "4:4:4" })
      .toBuffer(),
    png: await wide.clone().png().toBuffer(),
    webp: await wide.clone().webp({ lossless: true }).toBuffer(),
    avif: await wide.clone().avif({ lossless: true }).toBuffer(),
  };
  for (const [format, bytes] of Object.entries(sources)) {
    const got = await rgba(await ours(bytes, width, "png"));
    const likeness = psnr(got, wanted);
    say(`Display P3 in ${format}: ${likeness.toFixed(1)} dB`);
    assert.ok(likeness >= 38, `${format}: ${likeness} dB`);
  }
});

Deno.test("files are as small as those of sharp, and as good", async () => {
  const sums = { webp: [0, 0], jpg: [0, 0], png: [0, 0] };
  for (const photo of await photos(Deno.env.get("PHOTOS"))) {
    const source = await photo.png(1000);
    const pixels = await ours(source, 200, "png");
    const flat = await rgba(pixels);
    for (const format of ["webp", "jpg", "png"] as const) {
      const mine = await ours(source, 200, format);
      const theirs = format === "webp"
        ? await sharp(pixels).webp({ quality: 85 }).toBuffer()
        : format === "jpg"
        ? await sharp(pixels).jpeg({ quality: 85 }).toBuffer()
        : await sharp(pixels).png().toBuffer();
      sums[format][0] = (sums[format][0] ?? 0) + mine.length;
      sums[format][1] = (sums[format][1] ?? 0) + theirs.length;
      const loss = psnr(await rgba(theirs), flat) -
        psnr(await rgba(mine), flat);
      if (format !== "png") {
        assert.ok(loss < 0.5, `${photo.name} ${format}: ${loss} dB worse`);
      }
    }
  }
  say(JSON.stringify(sums));
  const [webp = 0, theirWebp = 0] = sums.webp;
  const [jpg = 0, theirJpg = 0] = sums.jpg;
  const [png = 0, theirPng = 0] = sums.png;
  assert.ok(webp <= theirWebp * BOUNDS.webpBytes);
  assert.ok(jpg <= theirJpg * BOUNDS.jpegBytes);
  assert.ok(png <= theirPng);
});
