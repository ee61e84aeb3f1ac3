/**
 * Hostile text in every place that people and servers can write to, on real
 * pages: no script runs, nothing is refused by the content security policy, and
 * no other server is asked. Takes minutes:
 *
 *   deno task test:hostile
 *
 * @module
 */

import assert from "node:assert/strict";
import type {
  BrowserContext,
  BrowserContextOptions,
  Page,
} from "playwright-core";
import {
  consentInPage,
  findChromium,
  startChromium,
} from "../../support/chromium.ts";
import { PdsAccount } from "../../support/pds.ts";
import { Repository } from "../../support/registry.ts";
import { startServer } from "../../support/server.ts";
import { sharedServer } from "../../support/shared_server.ts";
import { until } from "../../support/until.ts";
import { freePort, freePorts } from "../../tools/ports.ts";
import {
  type Place,
  pushHostile,
  pushHostileNames,
  writeHostileRecords,
} from "./content.ts";
import { startForeignHost } from "./foreign_host.ts";
import { HOSTILE_ASCII, HOSTILE_TEXTS, hostileGroups } from "./strings.ts";
import { shows, type Watch, watch } from "./watch.ts";

const chromium = await findChromium();
const RECEIVER = `http://127.0.0.1:${freePort()}`;

/** Lists and documents with what was pushed. */
const LISTS = [
  ...["/", "/activity", "/search?q=hostile", "/search?q=alice.test", "/h"],
  ...["/top", "/top?by=pushes", "/top?by=stars&in=all", "/u/alice.test"],
  ...["/u/alice.test/activity", "/u/bob.test", "/u/bob.test/stars"],
  ...["/u/bob.test/activity", "/r/alice.test/hostile/platforms/-/tags"],
  ...["/r/alice.test/hostile/notes0/-/stars", "/r/bob.test/foreign", "/api"],
];

/** Other surfaces that a browser may open. */
const FEEDS = [
  ...["/feed.atom", "/u/alice.test/feed.atom", "/u/bob.test/feed.atom"],
  ...["/r/alice.test/hostile/notes0/-/feed.atom", "/sitemap.xml"],
  "/api/v1/openapi.json",
];

/** Addresses that repeat what was asked for. */
const ASKED = [
  (text: string) => `/${text}`,
  (text: string) => `/r/alice.test/${text}`,
  (text: string) => `/r/alice.test/hostile/notes0:${text}`,
  (text: string) => `/r/${text}/a/-/tags`,
  (text: string) => `/u/${text}`,
  (text: string) => `/h/${text}`,
  (text: string) => `/docs/${text}`,
  (text: string) => `/docs?q=${text}`,
  (text: string) => `/top?by=${text}&in=${text}`,
  (text: string) => `/activity?cursor=${text}`,
  (text: string) => `/search?kind=${text}&owner=${text}&sort=${text}`,
  (text: string) => `/r/alice.test/hostile/platforms/-/tags?q=${text}`,
  (text: string) => `/r/alice.test/hostile/config:v1?platform=${text}`,
  (text: string) => `/auth/login?return_to=${text}&identifier=${text}`,
  (text: string) =>
    `/auth/oauth/callback?error=${text}&error_description=${text}&state=${text}`,
  (text: string) => `/device?code=${text}`,
  (text: string) => `/badge/alice.test/${text}/pulls.svg`,
];

const server = sharedServer({
  env: {
    ATCR_SERVER_TEST_MODE: "true",
    ATCR_WEBHOOKS_ALLOWED_ORIGINS: RECEIVER,
  },
});

interface Stage {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly watched: Watch;
}

/** Runs `body` in a browser that nothing hostile may happen in. */
async function onStage(
  options: BrowserContextOptions,
  body: (stage: Stage) => Promise<void>,
  origin: string = server().origin,
): Promise<void> {
  await using browser = await startChromium(chromium ?? "");
  const context = await browser.context(options);
  const watched = await watch(context, origin);
  const page = await context.newPage();
  await body({ context, page, watched });
  assert.deepEqual(watched.complaints, []);
}

/** Does something for each item, in several windows at once. */
async function inWindows<T>(
  { context }: Stage,
  items: readonly T[],
  work: (page: Page, item: T) => Promise<void>,
): Promise<void> {
  const left = [...items].reverse();
  await Promise.all(Array.from({ length: 3 }, async () => {
    const page = await context.newPage();
    for (let item = left.pop(); item !== undefined; item = left.pop()) {
      await work(page, item);
    }
    await page.close();
  }));
}

/** Opens places; each has to show its texts. */
async function visitAll(
  stage: Stage,
  places: readonly Place[],
): Promise<void> {
  await inWindows(stage, places, async (page, { path, texts }) => {
    const shown = await stage.watched.visit(page, `${server().origin}${path}`);
    assert.deepEqual(texts.filter((text) => !shows(shown, text)), [], path);
  });
}

const paths = (list: readonly string[]): Place[] =>
  list.map((path) => ({ path, texts: [] }));

/** Signs alice in, with the browser's own name for itself. */
async function signIn(page: Page): Promise<void> {
  const { origin } = server();
  await page.goto(`${origin}/auth/login?return_to=/settings`);
  await page.getByRole("textbox").first().fill("alice.test");
  await page.keyboard.press("Enter");
  await consentInPage(page, "alice-password");
  await page.waitForURL(`${origin}/settings`);
}

Deno.test({
  name: "hostile text in pushes and records is text on every page",
  ignore: chromium === undefined,
  fn: async () => {
    const { origin } = server();
    const places: Place[] = [];
    await onStage({}, async (stage) => {
      const { page, watched } = stage;
      const listens = page.waitForResponse(`${origin}/activity/events`);
      await watched.visit(page, `${origin}/activity`);
      await listens;
      places.push(...await pushHostile(server()));
      await page.locator(".live a").first().waitFor();
      await watched.look(page);
      places.push(...await writeHostileRecords(server()));
      const refused = await pushHostileNames(server());
      assert.equal(refused, 2 * HOSTILE_TEXTS.length);
      await until(async () =>
        (await watched.visit(page, `${origin}/r/alice.test/hostile/notes4`))
          .includes("Readme 4")
      );
      await visitAll(stage, [...places, ...paths(LISTS), ...paths(FEEDS)]);
    });
    // What the policy would refuse is not there to be refused.
    await onStage(
      { bypassCSP: true },
      (stage) => visitAll(stage, [...places, ...paths(LISTS)]),
    );
  },
});

Deno.test({
  name: "what visitors ask for is repeated as text",
  ignore: chromium === undefined,
  fn: () =>
    onStage({}, async (stage) => {
      const searches = HOSTILE_TEXTS.map((text) => ({
        path: `/search?q=${encodeURIComponent(text)}`,
        texts: [text],
      }));
      const asked = HOSTILE_TEXTS.map((text, i) =>
        (ASKED[i % ASKED.length] ?? String)(encodeURIComponent(text))
      );
      await visitAll(stage, [...searches, ...paths(asked)]);
    }),
});

Deno.test({
  name: "what people call themselves is text, wherever they are listed",
  ignore: chromium === undefined,
  fn: () =>
    onStage({}, async ({ page, watched }) => {
      const { origin, pds, bob } = server();
      // Accounts are known here once they have pushed.
      await new Repository(server(), bob, "bob.test/hostile").pushImage("v1");
      const account = new PdsAccount(pds, bob);
      const bios = hostileGroups(230);
      const names = hostileGroups(60);
      for (const [i, description] of bios.entries()) {
        const displayName = names[2 * i] ?? "";
        const profile = { displayName, description };
        await account.put("app.bsky.actor.profile", "self", profile);
        await until(async () => {
          const shown = await watched.visit(page, `${origin}/u/bob.test`);
          return shows(shown, displayName) && shows(shown, description);
        }, () => profile);
      }
      for (const path of ["/search?q=bob.test", "/u/bob.test/stars"]) {
        await watched.visit(page, `${origin}${path}`);
      }
    }),
});

Deno.test({
  name: "what another server says of an account and a hold is text",
  ignore: chromium === undefined,
  fn: async () => {
    const [port = 0, ...ports] = freePorts(4);
    await using host = startForeignHost(port);
    await using registry = await startServer({
      ports: [ports[0] ?? 0, ports[1] ?? 0, ports[2] ?? 0],
      env: {
        ATCR_SERVER_ROLES: "registry",
        ATCR_SERVER_TEST_MODE: "true",
        ATCR_SERVER_DEFAULT_HOLD_DID: host.did,
        ATCR_HEALTH_CACHE_TTL_SECONDS: "1",
      },
    });
    const did = host.did.replaceAll("%", "%25");
    await onStage({}, async ({ page, watched }) => {
      for (const text of hostileGroups(60).slice(0, 12)) {
        host.text = text;
        await until(async () =>
          shows(await watched.visit(page, `${registry.origin}/h/${did}`), text)
        );
      }
      for (const path of ["/h", `/u/${did}`, `/r/${did}/a`, "/status"]) {
        await watched.visit(page, `${registry.origin}${path}`);
      }
    }, registry.origin);
  },
});

Deno.test({
  name: "what is typed into forms, and what devices call themselves, is text",
  ignore: chromium === undefined,
  fn: async () => {
    const agent = hostileGroups(500, HOSTILE_ASCII)[0] ?? "";
    await onStage({ userAgent: agent }, async (stage) => {
      const { page, watched } = stage;
      const { origin } = server();
      const open = (path: string) => watched.visit(page, `${origin}${path}`);
      await signIn(page);
      for (
        const path of ["/settings", "/settings/sessions", "/settings/data"]
      ) {
        await open(path);
      }
      const names = hostileGroups(60);
      for (const name of names.slice(0, 60)) {
        await open("/settings/devices");
        await page.getByRole("textbox", { name: "Name" }).fill(name);
        await page.getByRole("button", { name: "Make the token" }).click();
        await page.getByText("is ready").waitFor();
        await watched.look(page);
      }
      const devices = await open("/settings/devices");
      assert.deepEqual(
        names.slice(0, 60).filter((name) => !shows(devices, name)),
        [],
      );
      const agents = hostileGroups(200, HOSTILE_ASCII).slice(0, 20);
      for (const agent of agents) {
        const answer = await fetch(`${origin}/auth/device/code`, {
          method: "POST",
          headers: { "user-agent": agent },
          body: new URLSearchParams({ client_name: agent.slice(0, 60) }),
        });
        const { user_code } = await answer.json();
        const shown = await open(`/device?code=${user_code}`);
        assert.ok(shows(shown, agent.slice(0, 60)), agent);
      }
      const typed = hostileGroups(600);
      for (const text of typed) {
        await open("/settings/webhooks");
        await page.getByLabel("Address").fill(text.replaceAll("\n", " "));
        await page.getByLabel("Repository").fill(text);
        await page.evaluate(
          'document.querySelector("form:has(#url)").noValidate = true',
        );
        const shown = await submit(page, watched, "form:has(#url)");
        assert.ok(shows(shown, text), `${text}: ${shown}`);
      }
      await editDescription(page, watched);
    });
    await onStage({}, async ({ page, watched }) => {
      for (const text of hostileGroups(600)) {
        await watched.visit(page, `${server().origin}/auth/login`);
        await page.getByLabel("Handle, DID").fill(text);
        const shown = await submit(page, watched, "form:has(#identifier)");
        assert.ok(shows(shown, text), `${text}: ${shown}`);
      }
    });
  },
});

/** Sends the form, and returns all text of the page that answers. */
async function submit(
  page: Page,
  watched: Watch,
  form: string,
): Promise<string> {
  await Promise.all([
    page.waitForResponse((response) => response.request().method() === "POST"),
    page.locator(`${form} button[type=submit]`).click(),
  ]);
  await page.waitForLoadState("load");
  return await watched.look(page);
}

/** Types all texts into the editor of a repository, and looks at the preview. */
async function editDescription(page: Page, watched: Watch): Promise<void> {
  const repository = new Repository(
    server(),
    server().alice,
    "alice.test/edited",
  );
  await repository.pushImage("v1");
  const address = `${server().origin}/r/alice.test/edited`;
  await watched.visit(page, `${address}/-/settings`);
  const text = HOSTILE_TEXTS.join("\n\n");
  await page.getByLabel("Markdown").fill(text);
  await page.getByRole("button", { name: "Preview" }).click();
  await page.locator(".preview").waitFor();
  assert.ok(shows(await watched.look(page), text));
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  await watched.visit(page, address);
}

Deno.test({
  name: "answers of a webhook's receiver are text in its log",
  ignore: chromium === undefined,
  fn: () =>
    onStage({}, async ({ page, watched }) => {
      const bodies = hostileGroups(900);
      const { hostname, port } = new URL(RECEIVER);
      await using _receiver = Deno.serve(
        { hostname, port: Number(port), onListen: () => {} },
        () => new Response(bodies[0], { status: 400 }),
      );
      await signIn(page);
      await watched.visit(page, `${server().origin}/settings/webhooks`);
      const path = encodeURIComponent(hostileGroups(900)[0] ?? "");
      await page.getByLabel("Address").fill(`${RECEIVER}/${path}`);
      await page.locator("form:has(#url) button[type=submit]").click();
      await page.getByText("The webhook is made").waitFor();
      await watched.look(page);
      for (const body of [...bodies]) {
        bodies.unshift(body);
        await page.getByRole("button", { name: /test/i }).first().click();
        await page.waitForURL(/done=sent/);
        assert.ok(shows(await watched.look(page), body), body);
      }
      await watched.visit(page, `${server().origin}/settings/webhooks`);
    }),
});
