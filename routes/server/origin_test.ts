import assert from "node:assert/strict";
import { clientOrigin, type OriginSettings } from "./origin.ts";

const PUBLIC: OriginSettings = {
  base_url: "https://registry.example.com",
  registry_domains: ["registry.example.com", "cr.example.com"],
  trust_proxy: true,
};
const LOCAL: OriginSettings = {
  base_url: "http://localhost:5000",
  registry_domains: ["localhost:5000"],
  trust_proxy: true,
};

const origin = (
  settings: OriginSettings,
  url: string,
  headers: Record<string, string> = {},
) => clientOrigin(settings)(new Request(url, { headers }));

Deno.test("a proxy that replaces Host leads to the configured address", () => {
  const forwarded = { "x-forwarded-host": "evil.example" };
  for (const headers of [{}, forwarded]) {
    for (const host of ["127.0.0.1:5000", "backend", "evil.example"]) {
      assert.equal(
        origin(PUBLIC, `http://${host}/v2/`, headers),
        "https://registry.example.com",
      );
    }
  }
  assert.equal(
    origin(PUBLIC, "http://cr.example.com/v2/"),
    "https://cr.example.com",
  );
});

Deno.test("without a configured address a trusted proxy says where it was reached", () => {
  const url = "http://127.0.0.1:5000/v2/";
  const cases: [Record<string, string>, string][] = [
    [{ "x-forwarded-host": "cr.example.com" }, "http://cr.example.com"],
    [
      {
        "x-forwarded-host": "CR.example.com:8443",
        "x-forwarded-proto": "https",
      },
      "https://cr.example.com:8443",
    ],
    [
      {
        "x-forwarded-host": "inner, cr.example.com",
        "x-forwarded-proto": "http, https",
      },
      "https://cr.example.com",
    ],
    [
      { forwarded: 'for=10.0.0.1;host="cr.example.com:444";proto=https' },
      "https://cr.example.com:444",
    ],
    [{ forwarded: "for=10.0.0.1" }, "http://127.0.0.1:5000"],
    [{ "x-forwarded-host": 'cr.example.com"/x' }, "http://127.0.0.1:5000"],
  ];
  for (const [headers, want] of cases) {
    assert.equal(origin(LOCAL, url, headers), want);
    const untrusted = { ...LOCAL, trust_proxy: false };
    assert.equal(origin(untrusted, url, headers), "http://127.0.0.1:5000");
  }
});
