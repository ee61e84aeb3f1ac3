import assert from "node:assert/strict";
import fc from "fast-check";
import { fixture } from "../../../../tests/support/images.ts";
import { extractIcc } from "./icc_extract.ts";
import type { ColourTransform } from "./colour_transform.ts";
import { profileUse } from "./icc_profile.ts";
import { sniff } from "../sniff/sniff.ts";

/** The Display P3 profile of a test image. */
function p3(): Uint8Array {
  const bytes = fixture("jpeg/icc-p3.jpg");
  const info = sniff(bytes);
  const profile = info && extractIcc(bytes, info);
  assert.ok(profile);
  return profile.slice();
}

/** The transform of a profile for RGB, if it has one. */
function colourTransform(profile: Uint8Array): ColourTransform | undefined {
  const use = profileUse(profile, "rgb");
  return use.kind === "transform" ? use.transform : undefined;
}

/** A matrix profile with the primaries of sRGB and one curve for all channels. */
function srgbProfile(curve: readonly number[]): Uint8Array {
  const tags: [string, readonly number[]][] = [
    ["rXYZ", [0.4360747, 0.2225045, 0.0139322]],
    ["gXYZ", [0.3850649, 0.7168786, 0.0971045]],
    ["bXYZ", [0.1430804, 0.0606169, 0.7141733]],
  ];
  const profile = new Uint8Array(132 + 6 * 12 + 3 * 20 + 12 + curve.length * 2);
  const view = new DataView(profile.buffer);
  const put = (o: number, text: string) =>
    profile.set(new TextEncoder().encode(text), o);
  put(12, "mntrRGB XYZ ");
  put(36, "acsp");
  view.setUint32(128, 6);
  let data = 132 + 6 * 12;
  for (const [i, [name, xyz]] of tags.entries()) {
    put(132 + i * 12, name);
    view.setUint32(136 + i * 12, data);
    view.setUint32(140 + i * 12, 20);
    put(data, "XYZ ");
    for (const [k, value] of xyz.entries()) {
      view.setInt32(data + 8 + k * 4, Math.round(value * 65536));
    }
    data += 20;
  }
  for (const [i, name] of ["rTRC", "gTRC", "bTRC"].entries()) {
    put(132 + (3 + i) * 12, name);
    view.setUint32(136 + (3 + i) * 12, data);
    view.setUint32(140 + (3 + i) * 12, 12 + curve.length * 2);
  }
  put(data, "curv");
  view.setUint32(data + 8, curve.length);
  for (const [i, value] of curve.entries()) {
    view.setUint16(data + 12 + i * 2, value);
  }
  return profile;
}

Deno.test("Display P3 red is beyond sRGB red", () => {
  const transform = colourTransform(p3());
  assert.ok(transform);
  const [rr = 0, rg = 0] = transform.matrix;
  assert.ok(rr > 1.2 && rg < -0.2, `${transform.matrix}`);
  for (let row = 0; row < 3; row++) { // white stays white
    const sum: number = transform.matrix.slice(row * 3, row * 3 + 3)
      .reduce((a, b) => a + b, 0);
    assert.ok(Math.abs(sum - 1) < 0.01);
  }
});

Deno.test("a profile that is sRGB changes nothing", () => {
  const steps = Array.from({ length: 1024 }, (_, i) => {
    const x = i / 1023;
    return Math.round(
      65535 * (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4),
    );
  });
  assert.equal(colourTransform(srgbProfile(steps)), undefined);
});

Deno.test("sRGB primaries with linear curves are not mistaken for sRGB", () => {
  const transform = colourTransform(srgbProfile([]));
  assert.ok(transform);
  assert.ok(Math.abs((transform.curves[128] ?? 0) - 128 / 255) < 1e-6);
});

Deno.test("a truncated or garbled profile is ignored without an error", () => {
  const whole = p3();
  fc.assert(
    fc.property(
      fc.nat(whole.length),
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), {
        maxLength: 8,
      }),
      (length, changes) => {
        const bytes = whole.slice(0, length);
        for (const [at, value] of changes) if (at < length) bytes[at] = value;
        const transform = colourTransform(bytes);
        const numbers = [
          ...transform?.curves ?? [],
          ...transform?.matrix ?? [],
        ];
        assert.ok(numbers.every(Number.isFinite));
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("a profile for other pixels, or of another class, is ignored", () => {
  const profile = p3();
  assert.equal(profileUse(profile, "rgb").kind, "transform");
  assert.equal(profileUse(profile, "gray").kind, "none");
  assert.equal(profileUse(profile, "cmyk").kind, "none");
  profile.set(new TextEncoder().encode("link"), 12);
  assert.equal(profileUse(profile, "rgb").kind, "none");
});
