import assert from "node:assert/strict";
import plugin from "./network.ts";

/** Names that the rule reports in a file of the product. */
function reported(text: string, path = "lib/some/service.ts"): string[] {
  return Deno.lint.runPlugin(plugin, path, text)
    .map(({ message }) => message.split(" ")[0] ?? "");
}

Deno.test("the fetch of the runtime is refused, even beside an injected one", () => {
  assert.deepEqual(reported(`fetch("https://a.example");`), ["fetch"]);
  const mixed = `
    interface Deps { fetch: GuardedFetch }
    export function ask({ fetch }: Deps) { return fetch("https://a.example"); }
    export const other = () => fetch("https://b.example");`;
  assert.deepEqual(reported(mixed), ["fetch"]);
});

Deno.test("an injected fetch is allowed in every form", () => {
  const forms = [
    `export const ask = (fetch: F) => fetch(url);`,
    `export function ask(deps: Deps) { const { fetch, timeoutMs } = deps; return fetch(url); }`,
    `export class A { readonly #fetch: F; ask() { return this.#fetch(url); } }`,
    `export class A { fetch = 1; ask() { return this.deps.fetch(url); } }`,
    `import { fetch } from "./mine.ts"; fetch(url);`,
    `export type F = typeof fetch;`,
    `export const server = { fetch: (request: Request) => app.fetch(request) };`,
  ];
  for (const form of forms) assert.deepEqual(reported(form), [], form);
});

Deno.test("other names of the runtime's network are refused", () => {
  const ways = [
    [`export const f = fetch;`, "fetch"],
    [`export const f = { fetch };`, "fetch"],
    [`globalThis.fetch(url);`, "fetch"],
    [`globalThis["fetch"](url);`, "fetch"],
    [`new WebSocket(url);`, "WebSocket"],
    [`new EventSource(url);`, "EventSource"],
    [`await Deno.connect({ port: 1 });`, "connect"],
    [`await Deno.connectTls({ port: 1 });`, "connectTls"],
    [`import http from "node:http";`, "node:http"],
    [`import { connect } from "node:net";`, "node:net"],
  ] as const;
  for (const [text, name] of ways) assert.deepEqual(reported(text), [name]);
});

Deno.test("imports that open no connection are allowed, and commands are checked too", () => {
  assert.deepEqual(reported(`import { isIP } from "node:net";`), []);
  assert.deepEqual(
    reported(`import type { IncomingMessage } from "node:http";`),
    [],
  );
  assert.deepEqual(reported(`fetch(url);`, "cli/doctor.ts"), ["fetch"]);
  assert.deepEqual(reported(`fetch(url);`, "lib/some/service_test.ts"), []);
  assert.deepEqual(reported(`fetch(url);`, "cli/operator_fetch.ts"), []);
  assert.deepEqual(
    reported(`new WebSocket(url);`, "cli/operator_fetch.ts"),
    ["WebSocket"],
  );
});
