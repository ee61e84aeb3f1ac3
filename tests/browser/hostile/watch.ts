/**
 * Watches what a page does with hostile text: whether a script ran, whether the
 * content security policy refused something, whether another server was asked,
 * and whether the page has elements that no page of ours has.
 *
 * @module
 */

import { type BrowserContext, type Page } from "playwright-core";
import { z } from "zod";
import { until } from "../../support/until.ts";

/** Functions that hostile scripts call, and events that report a refusal. */
const CANARY = `(() => {
  for (const name of ["alert", "confirm", "prompt", "open", "print"]) {
    window[name] = () => void reportHostile("a script called " + name);
  }
  document.addEventListener("securitypolicyviolation", (event) => {
    // That of the browser's own viewer of XML.
    const isViewers = document.contentType !== "text/html" &&
      event.violatedDirective === "style-src-elem" && event.sample === "";
    if (isViewers) return;
    void reportHostile(
      "refused " + event.violatedDirective + " " + event.blockedURI +
        " " + event.sample,
    );
  });
})()`;

/** Returns elements and attributes that no page writes. */
const STRANGE = `(() => {
  const found = [];
  const never = new Set([
    "iframe", "frame", "frameset", "object", "embed", "applet", "base",
    "math", "style", "audio", "video", "marquee", "foreignobject", "animate",
    "set", "xmp", "plaintext", "portal", "image", "mglyph",
  ]);
  // What is no page is shown by a viewer of the browser, with styles of its own.
  const isPage = document.contentType === "text/html";
  const own = (address) => new URL(address, location.href).origin === origin;
  for (const element of document.querySelectorAll("*")) {
    const name = element.localName.toLowerCase();
    const say = (what) =>
      found.push(what + ": " + element.outerHTML.slice(0, 200));
    const isViewers = !isPage &&
      (element.id === "xml-viewer-style" || name === "pre");
    if (isViewers) continue;
    if (never.has(name)) say("element");
    if (name === "script") {
      const source = element.getAttribute("src") ?? "";
      if (!source.startsWith("/static/")) say("script");
    }
    if (name === "meta" && element.httpEquiv !== "") say("meta");
    if (name === "form" && !own(element.action)) say("form");
    if (name === "link" && element.rel === "stylesheet" && !own(element.href)) {
      say("link");
    }
    if (name === "img" && !own(element.src)) say("picture");
    for (const { name: attribute, value } of element.attributes) {
      if (/^on/i.test(attribute)) say("handler");
      if (/^(?:style|srcdoc|formaction|ping|background)$/i.test(attribute)) {
        say(attribute);
      }
      if (!/^(?:href|xlink:href|src|action|poster|data|cite)$/i.test(attribute)) {
        continue;
      }
      const protocol = URL.parse(value, location.href)?.protocol ?? "none:";
      if (!/^(?:https?|mailto|at):$/.test(protocol)) say("address " + protocol);
    }
  }
  return found;
})()`;

/** Islands that are not live yet; pages without scripts have none. */
const WAITING = `document.querySelector("script[type=module]")
  ? document.querySelectorAll("f-island:not([data-hydrated])").length
  : 0`;

/** All text of the page, that of fields and of folded parts as well. */
const TEXT = `[
  document.documentElement.textContent,
  ...[...document.querySelectorAll("input, textarea")].map((e) => e.value),
].join("\\n")`;

const strings = z.array(z.string());

/** What was noticed so far. */
export interface Watch {
  readonly complaints: string[];
  /** Opens an address, looks at the page, and returns all text of it. */
  visit(page: Page, address: string): Promise<string>;
  /** Looks at the page that is open, and returns all text of it. */
  look(page: Page): Promise<string>;
}

/** Watches all pages of `context`; those of other servers than `origin` are left alone. */
export async function watch(
  context: BrowserContext,
  origin: string,
): Promise<Watch> {
  const complaints: string[] = [];
  await context.exposeBinding("reportHostile", ({ page }, what: string) => {
    if (page.url().startsWith(origin)) {
      complaints.push(`${page.url().slice(0, 200)}: ${what}`);
    }
  });
  await context.addInitScript(CANARY);
  context.on("dialog", async (dialog) => {
    complaints.push(`dialog ${dialog.message()}`);
    await dialog.dismiss();
  });
  context.on("request", (request) => {
    const url = request.url();
    const from = request.frame().url();
    // People go to their PDS by themselves.
    if (url.startsWith(origin) || request.isNavigationRequest()) return;
    if (!from.startsWith(origin)) return;
    complaints.push(`${from.slice(0, 200)}: asked ${url.slice(0, 200)}`);
  });
  const look = async (page: Page) => {
    // Not by `waitForFunction`, which some policies of content forbid.
    await until(
      async () => await page.evaluate(WAITING) === 0,
      () => page.content(),
    );
    for (const one of strings.parse(await page.evaluate(STRANGE))) {
      complaints.push(`${page.url().slice(0, 200)}: ${one}`);
    }
    return String(await page.evaluate(TEXT));
  };
  return {
    complaints,
    look,
    visit: async (page, address) => {
      await page.goto(address, { waitUntil: "load" });
      return await look(page);
    },
  };
}

/** Whether `page` shows `text`: white space and characters without a shape may differ. */
export function shows(page: string, text: string): boolean {
  return plain(page).includes(plain(text));
}

/** Leaves out what browsers, and text that is made printable, may change. */
export function plain(text: string): string {
  return text.replace(/[\s\p{C}\ufffd]+/gu, "");
}
