import assert from "node:assert/strict";
import { AppError } from "../../errors.ts";
import { requestCrawl } from "./crawl.ts";

Deno.test("every relay is asked, and its response is returned", async () => {
  const asked: [string, unknown][] = [];
  const answers = await requestCrawl(
    async (url, init) => {
      asked.push([url.href, await new Response(init.body).json()]);
      if (url.host === "yes.example.com") return new Response();
      if (url.host === "no.example.com") {
        const body = { error: "HostBanned", message: "banned" };
        return Response.json(body, { status: 400 });
      }
      if (url.host === "odd.example.com") {
        return new Response("<html>", { status: 502 });
      }
      throw new AppError("UPSTREAM_TIMEOUT", "It did not answer.");
    },
    ["yes.example.com", "no.example.com", "odd.example.com", "x.example.com"],
    "https://hold.example.com",
  );
  assert.deepEqual(asked[0], [
    "https://yes.example.com/xrpc/com.atproto.sync.requestCrawl",
    { hostname: "hold.example.com" },
  ]);
  assert.deepEqual(answers, [
    { relay: "yes.example.com", accepted: true },
    { relay: "no.example.com", accepted: false, reason: "banned" },
    {
      relay: "odd.example.com",
      accepted: false,
      reason: "The relay answered 502.",
    },
    { relay: "x.example.com", accepted: false, reason: "It did not answer." },
  ]);
});

Deno.test("no relay is asked to crawl a private address", async () => {
  for (
    const origin of [
      "http://hold.example.com",
      "https://hold.example.com:8443",
      "https://localhost",
      "https://192.0.2.1",
      "https://[2001:db8::1]",
    ]
  ) {
    await assert.rejects(
      requestCrawl(() => assert.fail("asked"), ["a.example.com"], origin),
      AppError,
    );
  }
});
