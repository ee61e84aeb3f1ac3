/** The public API: what it documents is what it answers. */

import assert from "node:assert/strict";
import { z } from "zod";
import { API_REQUESTS } from "../../lib/auth/api_limit.ts";
import type { Did } from "../../lib/did.ts";
import { MemoryBlobStore } from "../../lib/storage/memory.ts";
import { apiOperations } from "../../routes/api/v1/operations.ts";
import { createApp } from "../../routes/app.ts";
import { type InProcess, startInProcess } from "../hold/in_process.ts";
import { call, jsonOf, Repository, textOf } from "../support/registry.ts";

let program: InProcess;
const ROOT = "/api/v1";

Deno.test.beforeAll(async () => {
  program = await startInProcess(new MemoryBlobStore());
  for (const name of ["alice.test/app", "alice.test/team/tool"]) {
    const repository = new Repository(program, program.alice, name);
    await repository.pushImage("v1");
    await repository.pushImage("v2");
  }
});
Deno.test.afterAll(async () => {
  await program[Symbol.asyncDispose]();
});

function get(path: string, headers: Record<string, string> = {}) {
  return call(new URL(path, program.origin), "GET", { headers });
}

const listSchema = z.object({
  items: z.array(z.record(z.string(), z.unknown())),
  cursor: z.string().optional(),
});

async function list(path: string) {
  const answer = await get(`${ROOT}${path}`);
  assert.equal(answer.status, 200, textOf(answer));
  return listSchema.parse(jsonOf(answer));
}

/** A request for every operation, below the root. */
function examples(): Record<string, string> {
  const hold = program.ctx.hold?.did ?? "";
  return {
    search: "/search?q=team",
    listRepositories: "/repositories?owner=alice.test&kind=image",
    getRepository: "/repositories/alice.test/team/tool",
    listTags: "/tags?repository=alice.test/app",
    listTagMoves: "/tags/moves?repository=alice.test/app&tag=v1",
    getActor: "/actors/alice.test",
    listActivity: "/activity?actor=alice.test",
    listStars: "/stars?actor=alice.test",
    getBoard: "/boards/pushes?window=all",
    listHolds: "/holds?captain=alice.test",
    getHold: `/holds/${encodeURIComponent(hold)}`,
  };
}

Deno.test("every operation answers what its schema says, and nothing else", async () => {
  const { catalog, social } = program.ctx;
  assert.ok(catalog && social);
  await social.flush();
  await social.counts.refresh(new AbortController().signal);
  const paths = examples();
  for (const { id, response } of apiOperations(catalog)) {
    const answer = await get(`${ROOT}${paths[id]}`);
    assert.equal(answer.status, 200, `${id}: ${textOf(answer)}`);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*");
    const value = jsonOf(answer);
    assert.deepEqual(response.parse(value), value, id);
  }
  assert.equal((await list("/boards/pushes?window=all")).items.length, 2);
});

Deno.test("every route of the API for programs is in the document, and the page names them all", async () => {
  const app = createApp(program.ctx, {
    stopping: () => false,
    denoServe: false,
  });
  const answer = await get(`${ROOT}/openapi.json`);
  const document = z.object({
    openapi: z.literal("3.1.0"),
    paths: z.record(z.string(), z.object({ get: z.object({}) })),
  }).parse(jsonOf(answer));
  const documented = Object.keys(document.paths).sort();
  const routes = new Set(
    app.routes
      .filter(({ path, method }) =>
        method === "GET" && path.startsWith(`${ROOT}/`) &&
        !path.startsWith(`${ROOT}/webhooks`) &&
        path !== `${ROOT}/openapi.json`
      )
      .map(({ path }) => path.replaceAll(/:(\w+)(\{[^}]*\})?/g, "{$1}")),
  );
  assert.deepEqual(documented, [...routes].sort());
  const page = await get("/api");
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type") ?? "", /text\/html/);
  const text = textOf(page).replaceAll("<wbr/>", "");
  for (const path of documented) assert.ok(text.includes(`GET ${path}`), path);
  // Every parameter has a meaning.
  assert.doesNotMatch(text, /<dd> /);
  assert.doesNotMatch(text, /<script(?![^>]*src=)/);
});

Deno.test("a push is found, listed and shown on the next request", async () => {
  const repository = new Repository(
    program,
    program.alice,
    "alice.test/fresh-one",
  );
  // Orders know seconds only.
  program.advance(2_000);
  const { digest } = await repository.pushImage("v3");
  const [found] = (await list("/search?q=fresh")).items;
  assert.equal(found?.["name"], "fresh-one");
  const [first] = (await list("/repositories?limit=1")).items;
  assert.deepEqual(
    [first?.["name"], first?.["owner"]],
    ["fresh-one", { did: program.alice.did, handle: "alice.test" }],
  );
  const [tag] = (await list("/tags?repository=alice.test/fresh-one")).items;
  assert.deepEqual([tag?.["tag"], tag?.["digest"]], ["v3", digest]);
  const [push] = (await list("/activity?limit=1")).items;
  assert.deepEqual([push?.["tag"], push?.["kind"]], ["v3", "push"]);
  const named = await get(`${ROOT}/search?q=alice.test/fresh-one:v3`);
  const { exact } = z.object({ exact: z.object({ reference: z.string() }) })
    .parse(jsonOf(named));
  assert.equal(exact.reference, "v3");
});

Deno.test("a list is read page by page to its end, each entry once", async () => {
  for (const order of ["newest", "name"]) {
    const tags: unknown[] = [];
    let path = `/tags?repository=alice.test/team/tool&limit=1&order=${order}`;
    const first = path;
    for (let pages = 0; pages < 5; pages++) {
      const { items, cursor } = await list(path);
      tags.push(...items.map((item) => item["tag"]));
      if (cursor === undefined) break;
      path = `${first}&cursor=${cursor}`;
    }
    assert.deepEqual(tags.toSorted(), ["v1", "v2"], order);
  }
});

Deno.test("an answer that the client has is not sent again until it changes", async () => {
  const path = `${ROOT}/repositories?owner=alice.test`;
  const first = await get(path);
  const etag = first.headers.get("etag") ?? "";
  assert.match(first.headers.get("cache-control") ?? "", /^public, max-age=/);
  const again = await get(path, { "if-none-match": etag });
  assert.equal(again.status, 304);
  assert.equal(again.bytes.length, 0);
  assert.equal(again.headers.get("access-control-allow-origin"), "*");
  await new Repository(program, program.alice, "alice.test/app").pushImage(
    "v9",
  );
  assert.equal((await get(path, { "if-none-match": etag })).status, 200);
});

Deno.test("what is wrong with a query is said in a sentence with status 400", async () => {
  const { cursor } = await list("/repositories?limit=1");
  const wrong = [
    ["/search?q=" + "a".repeat(401), /at most 400 characters/],
    ["/search?q=a+b+c+d+e+f+g", /at most 400 characters and 6 words/],
    ["/search?kind=car", /kind must be one of image/],
    ["/search?platform=linux", /platform must be os\/architecture/],
    ["/search?owner=nobody", /owner must be a handle or a DID/],
    ["/repositories?limit=0", /limit must be a whole number from 1 to 100/],
    ["/repositories?limit=101", /limit must be/],
    ["/repositories?limit=ten", /limit must be/],
    ["/repositories?limit=1&limit=2", /limit can be given once only/],
    ["/repositories?cursor=%00", /cursor is none of this list/],
    ["/repositories?cursor=WzFd", /cursor is none of this list/],
    [`/activity?cursor=${cursor}`, /cursor is none of this list/],
    ["/repositories?sort=name", /no parameter \\?"sort\\?"; known are owner/],
    ["/tags?repository=app", /repository must be a repository with its owner/],
    ["/tags?repository=alice.test/app&order=size", /newest or name/],
    ["/stars", /either the parameter repository or the parameter actor/],
    ["/boards/likes", /board must be one of/],
    ["/boards/pulls?window=1y", /window must be 7d, 30d or all/],
    ["/holds/alice.test", /hold must be a DID/],
    ["/actors/nobody", /actor must be/],
  ] as const;
  for (const [path, sentence] of wrong) {
    const answer = await get(`${ROOT}${path}`);
    assert.equal(answer.status, 400, path);
    const { message } = z.object({ error: z.string(), message: z.string() })
      .parse(jsonOf(answer));
    assert.match(message, sentence, path);
    assert.equal(answer.headers.get("access-control-allow-origin"), "*", path);
  }
});

Deno.test("a cursor that is longer than any key is refused like any other text", async () => {
  const long = "a".repeat(2_500);
  const { did } = program.alice;
  const cursors: [path: string, parts: unknown[]][] = [
    ["/repositories", ["newest", 1, did, long]],
    [`/repositories?owner=${did}`, [`newest ${did}`, 1, long]],
    ["/activity", [1, long]],
    ["/holds", [long]],
    [`/stars?actor=${did}`, [1, long, long]],
    ["/tags?repository=alice.test/app", ["tags", 1, long]],
    ["/search?q=app", ["search app ", 0, long]],
  ];
  for (const [path, parts] of cursors) {
    const url = new URL(`${ROOT}${path}`, program.origin);
    const cursor = btoa(JSON.stringify(parts)).replaceAll("=", "");
    url.searchParams.set("cursor", cursor);
    const answer = await call(url, "GET");
    assert.equal(answer.status, 400, `${path}: ${textOf(answer)}`);
    assert.match(textOf(answer), /cursor is none of this list/);
  }
});

Deno.test("what is not there is a 404, and what cannot be done a 405 that says what can", async () => {
  const missing = [
    "/repositories/alice.test/none",
    "/repositories?owner=nobody.test",
    "/tags?repository=alice.test/none",
    "/stars?repository=alice.test/none",
    "/actors/did:plc:aaaaaaaaaaaaaaaaaaaaaaaa",
    "/boards/trending?window=all",
    "/holds/did:web:nowhere.example",
  ];
  for (const path of missing) {
    const answer = await get(`${ROOT}${path}`);
    assert.equal(answer.status, 404, path);
  }
  const url = new URL(`${ROOT}/search`, program.origin);
  const posted = await call(url, "POST");
  assert.equal(posted.status, 405);
  assert.equal(posted.headers.get("allow"), "GET, HEAD, OPTIONS");
  const asked = await call(url, "OPTIONS");
  assert.equal(asked.headers.get("access-control-allow-origin"), "*");
  assert.equal((await call(url, "HEAD")).status, 200);
});

Deno.test("a question reads few rows, and the metric counts them", async () => {
  const rows = async () => {
    const text = await program.ctx.metrics.text();
    const line = /atcr_index_rows_read_total\{query="newest"\} (\d+)/.exec(
      text,
    );
    return Number(line?.[1] ?? 0);
  };
  const before = await rows();
  await list("/repositories?limit=100");
  const read = await rows() - before;
  assert.ok(read >= 2 && read <= 1_000, String(read));
});

Deno.test("an access token reads as its account, and one for a part is refused", async () => {
  const { devices } = program.ctx.auth;
  const did = program.alice.did as Did;
  const make = async (pattern: string) => {
    const { secret } = await devices.create({
      did,
      name: "script",
      kind: "token",
      permissions: [{ pattern, actions: ["pull"] }],
      lifetimeDays: 1,
    });
    return await get(`${ROOT}/repositories`, {
      authorization: `Bearer ${secret}`,
    });
  };
  const all = await make("*");
  assert.equal(all.status, 200);
  assert.equal(all.headers.get("cache-control"), "private, no-cache");
  assert.equal((await make("app")).status, 403);
  const wrong = await get(`${ROOT}/repositories`, {
    authorization: "Bearer no",
  });
  assert.equal(wrong.status, 401);
});

Deno.test("a client that has sent too many requests is answered 429 and when to come back, as the document says", async () => {
  const { apiLimit, devices } = program.ctx.auth;
  const did = program.bob.did as Did;
  const { secret } = await devices.create({
    did,
    name: "script",
    kind: "token",
    permissions: [{ pattern: "*", actions: ["pull"] }],
    lifetimeDays: 1,
  });
  const authorization = `Bearer ${secret}`;
  for (let i = 0; i < API_REQUESTS.limit; i++) await apiLimit.admit(did);
  const refused = await get(`${ROOT}/repositories`, { authorization });
  assert.equal(refused.status, 429);
  assert.ok(Number(refused.headers.get("retry-after")) >= 1);
  assert.equal(refused.headers.get("access-control-allow-origin"), "*");
  assert.equal((await get(`${ROOT}/repositories`)).status, 200);
  const document = jsonOf(await get(`${ROOT}/openapi.json`)) as {
    paths: Record<string, { get: { responses: Record<string, unknown> } }>;
  };
  const responses = Object.values(document.paths)
    .map(({ get }) => get.responses);
  assert.ok(responses.every((some) => Object.hasOwn(some, "429")));
});
