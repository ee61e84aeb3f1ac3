import assert from "node:assert/strict";
import { browserName } from "./browser_name.ts";

Deno.test("a session has the name of its browser and system, not its header", () => {
  const names = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Edg/131.0.0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/27.0 Chrome/125.0.0.0 Mobile Safari/537.36",
    "curl/8.5.0",
    "",
    `<script>alert(1)</script>${"x".repeat(500)}`,
  ].map(browserName);
  assert.deepEqual(names, [
    "Firefox on Linux",
    "Edge on Windows",
    "Safari on macOS",
    "Chrome on iPhone",
    "Samsung Internet on Android",
    "curl",
    "Unknown browser",
    "<script>alert(1)<",
  ]);
});
