/** What pages cost a browser that opens them for the first time, by the browser's own protocol. */

import assert from "node:assert/strict";
import type { CDPSession, Page } from "playwright-core";
import { findChromium, startChromium } from "../support/chromium.ts";
import { PdsAccount } from "../support/pds.ts";
import { pageAt } from "../support/pages.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";
import { LONG_NAME, pushContent } from "./content.ts";

const chromium = await findChromium();

/** Limits of a page. Bytes are those on the wire, with the heads of the answers. */
const LIMITS = {
  bytes: 60_000,
  scriptBytes: 15_000,
  shift: 0.05,
  /** Processor time of all scripts in milliseconds: none of them is then a long task. */
  scriptMs: 50,
};

const PAGES = [
  "/",
  "/search?q=shop",
  "/activity",
  "/u/alice.test",
  "/r/alice.test/shop",
  "/r/alice.test/shop/-/tags",
  "/r/alice.test/shop:latest",
  `/r/alice.test/${LONG_NAME}:v1`,
  "/install",
  "/docs/hold",
];

/** What the browser counted while it loaded a page. */
interface Cost {
  bytes: number;
  scriptBytes: number;
  shift: number;
  scriptMs: number;
  readonly complaints: string[];
}

/** Adds up what the browser reports from now on. */
async function count(session: CDPSession): Promise<Cost> {
  const cost: Cost = {
    ...{ bytes: 0, scriptBytes: 0, shift: 0, scriptMs: 0 },
    complaints: [],
  };
  const scripts = new Set<string>();
  session.on("Network.responseReceived", ({ requestId, type, response }) => {
    if (type === "Script") scripts.add(requestId);
    if (response.status >= 400) {
      cost.complaints.push(`${response.status} ${response.url}`);
    }
  });
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    cost.bytes += encodedDataLength;
    if (scripts.has(requestId)) cost.scriptBytes += encodedDataLength;
  });
  session.on("PerformanceTimeline.timelineEventAdded", ({ event }) => {
    const { layoutShiftDetails: shift } = event;
    if (shift && !shift.hadRecentInput) cost.shift += shift.value;
  });
  session.on("Runtime.exceptionThrown", ({ exceptionDetails }) => {
    cost.complaints.push(exceptionDetails.text);
  });
  session.on("Log.entryAdded", ({ entry }) => {
    if (entry.level === "error" || entry.level === "warning") {
      cost.complaints.push(entry.text);
    }
  });
  session.on("Runtime.consoleAPICalled", ({ type }) => {
    cost.complaints.push(`console.${type}`);
  });
  await session.send("Network.enable");
  await session.send("Runtime.enable");
  await session.send("Log.enable");
  await session.send("PerformanceTimeline.enable", {
    eventTypes: ["layout-shift"],
  });
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  return cost;
}

/** Opens the page as somewhere new, and returns what that cost. */
async function open(page: Page, address: string): Promise<Cost> {
  const session = await page.context().newCDPSession(page);
  const cost = await count(session);
  await page.goto(address, { waitUntil: "load" });
  await page.waitForFunction(
    "document.querySelectorAll('f-island:not([data-hydrated])').length === 0",
  );
  // Shifts are reported with the frame after the one that has them.
  await page.evaluate(
    "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
  );
  const { metrics } = await session.send("Performance.getMetrics");
  const script = metrics.find(({ name }) => name === "ScriptDuration");
  assert.ok(script, "the browser measures scripts");
  cost.scriptMs = script.value * 1000;
  await session.detach();
  return cost;
}

async function writeText({ pds, alice }: TestServer): Promise<void> {
  const now = new Date().toISOString();
  const readme = new URL("../../README.md", import.meta.url);
  await new PdsAccount(pds, alice).put("io.atcr.repo.page", "shop", {
    repository: "shop",
    description: await Deno.readTextFile(readme),
    ...{ createdAt: now, updatedAt: now },
  });
}

Deno.test({
  name:
    "no page costs more than its budget of bytes, scripts and shifts, or complains",
  ignore: chromium === undefined,
  fn: async () => {
    await using server = await startServer();
    await pushContent(server);
    await writeText(server);
    await until(async () =>
      (await pageAt(server, "/r/alice.test/shop")).includes('class="prose')
    );
    await using browser = await startChromium(chromium ?? "");
    const beyond: string[] = [];
    for (const width of [1280, 360]) {
      for (const path of PAGES) {
        // A context of its own has an empty cache.
        const context = await browser.context({
          viewport: { width, height: 800 },
        });
        const cost = await open(
          await context.newPage(),
          `${server.origin}${path}`,
        );
        await context.close();
        const where = `${path} at ${width}: ${JSON.stringify(cost)}`;
        // Else nothing was counted.
        assert.ok(cost.bytes > cost.scriptBytes, where);
        assert.ok(cost.scriptBytes > 1_000, where);
        const isWithin = cost.bytes <= LIMITS.bytes &&
          cost.scriptBytes <= LIMITS.scriptBytes &&
          cost.shift <= LIMITS.shift && cost.scriptMs <= LIMITS.scriptMs;
        if (!isWithin || cost.complaints.length > 0) beyond.push(where);
      }
    }
    assert.deepEqual(beyond, []);
  },
});
