/** What people put on pages, in a real browser: pictures and code in descriptions, pins, and pictures of links. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import { violationsOn } from "../support/axe.ts";
import {
  consentInPage,
  findChromium,
  startChromium,
} from "../support/chromium.ts";
import { PdsAccount } from "../support/pds.ts";
import { Repository } from "../support/registry.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { pageAt } from "../support/pages.ts";

const chromium = await findChromium();

const README = `# Shop

![A wide picture](https://pictures.example/wide.png)
[![Build](https://pictures.example/badge.png)](https://ci.example/)

\`\`\`dockerfile
FROM alpine:3.22 # the base
RUN apk add --no-cache curl && echo "ready" ${"# long line ".repeat(20)}
\`\`\`

\`\`\`json
{ "port": 8080, "name": "shop", "secure": true, "old": null }
\`\`\`

\`\`\`sh
export TITLE="Shop"; docker run --rm -p 8080:8080 "$TITLE" | grep -v '^#'
\`\`\`

\`\`\`yaml
services: # all of them
  shop: { image: "shop:1", replicas: 2 }
\`\`\`
`;

async function pushShop(server: TestServer): Promise<void> {
  const { alice, pds } = server;
  for (const name of ["shop", "other"]) {
    await new Repository(server, alice, `alice.test/${name}`).pushImage("v1");
  }
  const now = new Date().toISOString();
  await new PdsAccount(pds, alice).put("io.atcr.repo.page", "shop", {
    ...{ repository: "shop", description: README, userEdited: true },
    ...{ createdAt: now, updatedAt: now },
  });
  await until(async () =>
    (await pageAt(server, "/r/alice.test/shop")).includes('class="prose')
  );
}

/** Signs in, and pins a repository by the form of the own profile. */
async function pin(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/auth/login?return_to=/u/alice.test`);
  await page.getByLabel("Handle, DID").fill("alice.test");
  await page.keyboard.press("Enter");
  await consentInPage(page, "alice-password");
  await page.waitForURL(`${origin}/u/alice.test`);
  await page.getByText("Choose what is pinned").click();
  await page.getByLabel("alice.test/shop").check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Pinned", exact: true }).waitFor();
}

Deno.test({
  name:
    "pictures and code in descriptions, and pins, break no rule of accessibility and do not stick out, in either theme and width",
  ignore: chromium === undefined,
  fn: async () => {
    await using server = await startServer();
    const { origin } = server;
    await pushShop(server);
    await using browser = await startChromium(chromium ?? "");
    const page = await browser.page();
    const complaints: string[] = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.hostname.endsWith(".example")) complaints.push(url.href);
    });
    // The sites of the pictures do not exist: any picture stands for them.
    const card = await fetch(`${origin}/og/r/alice.test/shop.png`);
    const body = Buffer.from(await card.arrayBuffer());
    await page.route(
      "**/pictures/**",
      (route) => route.fulfill({ body, contentType: "image/png" }),
    );
    await pin(page, origin);
    // On the way to the PDS the transition between our pages is given up.
    complaints.length = 0;
    for (const colorScheme of ["light", "dark"] as const) {
      for (const width of [1280, 375]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 800 });
        for (const path of ["/r/alice.test/shop", "/u/alice.test"]) {
          const where = `${path} ${colorScheme} ${width}`;
          await page.goto(`${origin}${path}`, { waitUntil: "load" });
          if (path.startsWith("/u/")) {
            await page.getByText("Choose what is pinned").click();
          } else {
            const shown = await page.evaluate(`[
              document.querySelectorAll(".prose img").length,
              [...document.querySelectorAll(".prose img")]
                .every((img) => img.naturalWidth > 0),
              document.querySelectorAll(".prose [class^=hljs-]").length > 10,
            ]`);
            assert.deepEqual(shown, [2, true, true], where);
          }
          const wide = await page.evaluate(
            "document.documentElement.scrollWidth",
          );
          assert.equal(wide, width, where);
          assert.deepEqual(await violationsOn(page), [], where);
        }
      }
    }
    assert.deepEqual(complaints, []);
  },
});

Deno.test({
  name: "the picture of a link is there, as large as its page says",
  ignore: chromium === undefined,
  fn: async () => {
    await using server = await startServer();
    await pushShop(server);
    await using browser = await startChromium(chromium ?? "");
    const page = await browser.page();
    for (const path of ["/", "/u/alice.test", "/r/alice.test/shop"]) {
      await page.goto(`${server.origin}${path}`);
      const said = await page.evaluate(`["image", "image:width", "image:height"]
        .map((name) => document.querySelector(
          'meta[property="og:' + name + '"]').content)`);
      const [address, width, height] = said as string[];
      await page.goto(address ?? "");
      assert.deepEqual(
        await page.evaluate(`[
          String(document.images[0].naturalWidth),
          String(document.images[0].naturalHeight),
        ]`),
        [width, height],
        path,
      );
    }
  },
});
