import assert from "node:assert/strict";
import { formatPlatform, normalizePlatform } from "./platform.ts";

Deno.test("a platform has one spelling", () => {
  const cases: [string, string, string | undefined, string][] = [
    ["linux", "amd64", undefined, "linux/amd64"],
    ["Linux", "x86_64", "v1", "linux/amd64"],
    ["linux", "amd64", "v3", "linux/amd64/v3"],
    ["linux", "aarch64", undefined, "linux/arm64"],
    ["linux", "arm64", "v8", "linux/arm64"],
    ["linux", "arm64", "8", "linux/arm64"],
    ["linux", "arm", "7", "linux/arm/v7"],
    ["linux", "armhf", undefined, "linux/arm/v7"],
    ["linux", "armel", "", "linux/arm/v6"],
    ["macos", "arm64", undefined, "darwin/arm64"],
    ["", "", undefined, "unknown/unknown"],
    ["linux", "constructor", undefined, "linux/constructor"],
  ];
  for (const [os, architecture, variant, text] of cases) {
    assert.equal(formatPlatform({ os, architecture, variant }), text);
  }
});

Deno.test("versions and features of the system stay", () => {
  assert.deepEqual(
    normalizePlatform({
      os: "windows",
      architecture: "x86-64",
      "os.version": "10.0.17763.1",
      "os.features": ["win32k"],
    }),
    {
      os: "windows",
      architecture: "amd64",
      "os.version": "10.0.17763.1",
      "os.features": ["win32k"],
    },
  );
});
