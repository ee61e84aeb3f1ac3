import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { formOf, receiverUrl, shownUrl } from "./target.ts";

const ALLOWED = ["http://ci.internal:8080"];

Deno.test("receivers are public https servers, or what the operator allows", () => {
  for (
    const url of [
      "https://example.com/hook?a=1",
      "https://192.0.2.1.example.com/",
      "https://8.8.8.8/hook",
      "http://ci.internal:8080/build",
    ]
  ) {
    assert.equal(receiverUrl(url, ALLOWED).href, url);
  }
  assert.equal(
    receiverUrl(" https://EXAMPLE.com#x ", []).href,
    "https://example.com/",
  );
});

Deno.test("other addresses are refused", () => {
  for (
    const url of [
      "",
      "example.com/hook",
      "ftp://example.com/",
      "javascript:alert(1)",
      "http://example.com/",
      "https://example.com:8443/",
      "https://me:secret@example.com/",
      "https://localhost/",
      "https://hold/",
      "https://printer.local/",
      "https://a.internal/",
      "https://127.0.0.1/",
      "https://2130706433/",
      "https://10.1.2.3/",
      "https://169.254.169.254/latest/meta-data",
      "https://[::1]/",
      "https://[::ffff:127.0.0.1]/",
      "http://ci.internal:8081/",
      `https://example.com/${"a".repeat(2_050)}`,
    ]
  ) {
    assert.throws(
      () => receiverUrl(url, ALLOWED),
      (error) => isAppError(error, "INVALID_REQUEST"),
      url,
    );
  }
});

Deno.test("chats are recognised by their addresses, which are hidden", () => {
  const cases = [
    ["https://discord.com/api/webhooks/1/token", "discord"],
    ["https://ptb.discord.com/api/webhooks/1/token", "discord"],
    ["https://discordapp.com/api/webhooks/1/token", "discord"],
    ["https://discord.com/api/webhooks/1/token/slack", "slack"],
    ["https://discord.com/other", "json"],
    ["https://notdiscord.com/api/webhooks/1/token", "json"],
    ["https://hooks.slack.com/services/T/B/x", "slack"],
    ["https://hooks.slack.com.example.com/services/T/B/x", "json"],
  ] as const;
  for (const [url, form] of cases) {
    assert.equal(formOf(new URL(url)), form, url);
  }
  assert.equal(
    shownUrl("https://hooks.slack.com/services/T/B/x", "slack"),
    "https://hooks.slack.com/…",
  );
  assert.equal(shownUrl("https://a.example/x", "json"), "https://a.example/x");
});
