/** Start, search, activity and boards: what they show, to whom, and that content is never markup. */

import assert from "node:assert/strict";
import { imageManifest, randomBlob, textBlob } from "../support/oci.ts";
import {
  call,
  expect,
  jsonOf,
  Repository,
  textOf,
} from "../support/registry.ts";
import { sharedServer } from "../support/shared_server.ts";
import { until } from "../support/until.ts";
import { pageAt, signedIn } from "../support/pages.ts";

const server = sharedServer({
  env: { ATCR_PAGES_FEATURED: "alice.test/found/shop,alice.test/found/none" },
});
const EVIL = `"'><script>alert(1)</script><img src=x onerror=alert(1)>`;

const page = (path: string, status = 200) => pageAt(server(), path, status);

/** Pushes an image with a hostile description. */
async function push(name: string, tag: string): Promise<void> {
  const repository = new Repository(
    server(),
    server().alice,
    `alice.test/${name}`,
  );
  const layer = randomBlob(5_000);
  const config = textBlob(
    JSON.stringify({ os: "linux", architecture: "arm64" }),
  );
  for (const blob of [layer, config]) await repository.pushBlob(blob);
  const annotations = { "org.opencontainers.image.description": EVIL };
  const image = imageManifest(config, [layer], { annotations });
  expect(await repository.putManifest(image, tag), 201);
}

/** Links to repositories on a page, in order. */
function linked(html: string): string[] {
  return [...html.matchAll(/class="name" href="\/r\/([^":@]+)"/g)]
    .map(([, name = ""]) => name);
}

Deno.test("a push is on the start page, in activity and in search at once, and stays text", async () => {
  await push("found/shop", "v1");
  for (const path of ["/", "/activity", "/search?q=shop"]) {
    const html = await page(path);
    assert.doesNotMatch(html, /<script>|<img src=x/, path);
    assert.match(html, /found\/<wbr\/?>shop/, path);
  }
  const typed = await page(`/search?q=${encodeURIComponent(EVIL)}`, 400);
  assert.doesNotMatch(typed, /<script>|<img src=x/);
  assert.match(typed, /value="&quot;'><|value="&quot;'>&lt;script/);
  const start = await page("/");
  assert.match(start, /id="featured"/);
  assert.match(start, /&quot;'>&lt;script>alert/);
  assert.match(start, /docker push [^<]+alice\.test\/app:latest/);
  assert.match(start, /<svg class="layers"/);
});

Deno.test("search finds by parts of names, handle and DID, narrows by kind, platform and owner", async () => {
  await push("find/kettle", "v1");
  await push("find/teapot", "v1");
  const { did } = server().alice;
  for (const q of ["kettle", "kett", "find%2Fkettle", "kettle find"]) {
    assert.ok(
      linked(await page(`/search?q=${q}`)).includes("alice.test/find/kettle"),
      q,
    );
  }
  const byOwner = await page("/search?q=kettle&owner=alice.test");
  assert.deepEqual(linked(byOwner), ["alice.test/find/kettle"]);
  assert.deepEqual(linked(await page("/search?q=kettle&owner=bob.test")), []);
  assert.deepEqual(linked(await page(`/search?q=kettle&owner=${did}`)), [
    "alice.test/find/kettle",
  ]);
  assert.deepEqual(linked(await page("/search?q=kettle&kind=helm")), []);
  assert.match(
    await page("/search?q=alice.test"),
    /id="people"[\s\S]*href="\/u\/alice\.test"/,
  );
  const sorted = await page("/search?q=find&sort=name");
  assert.deepEqual(linked(sorted), [
    "alice.test/find/kettle",
    "alice.test/find/teapot",
  ]);
  // All names are read again after some seconds.
  await until(async () =>
    /Did you mean[\s\S]*find\/<wbr\/?>kettle/.test(
      await page("/search?q=ketle"),
    )
  );
  const within = linked(await page("/search?q=ettle"));
  assert.deepEqual(within, ["alice.test/find/kettle"]);
});

Deno.test("an image that is named in full opens, and one that is unknown can be looked up", async () => {
  await push("named/app", "1.2");
  const found = async (q: string) => {
    const url = new URL(
      `/search?${new URLSearchParams({ q })}`,
      server().origin,
    );
    return expect(await call(url, "GET"), 302).headers.get("location");
  };
  assert.equal(
    await found("alice.test/named/app:1.2"),
    "/r/alice.test/named/app:1.2",
  );
  assert.equal(
    await found(" alice.test/named/app "),
    "/r/alice.test/named/app",
  );
  assert.match(
    await page("/search?q=carol.test/other:1.0"),
    /href="\/r\/carol\.test\/other"/,
  );
});

Deno.test("pages of results are linked, and no result is on two of them", async () => {
  const names = Array.from({ length: 23 }, (_, i) => `many/item${i}`);
  await Promise.all(names.map((name) => push(name, "v1")));
  for (const sort of ["best", "name", "updated"]) {
    const seen: string[] = [];
    let path: string | undefined = `/search?q=many&sort=${sort}`;
    while (path) {
      const html: string = await page(path);
      seen.push(...linked(html));
      path = /rel="next" href="([^"]+)"/.exec(html)?.[1]?.replaceAll(
        "&amp;",
        "&",
      );
    }
    assert.equal(seen.length, 23, sort);
    assert.equal(new Set(seen).size, 23, sort);
  }
});

Deno.test("wrong queries are pages with a sentence, never failures", async () => {
  const wrong = [
    "/search?kind=ship",
    "/search?platform=<b>",
    "/search?sort=color",
    "/search?owner=not a name",
    `/search?q=${"a".repeat(401)}`,
    "/search?q=a b c d e f g h",
    "/search?q=a&cursor=broken",
    "/activity?cursor=broken",
    "/top?by=luck",
    "/top?in=tomorrow",
  ];
  for (const path of wrong) {
    const html = await page(path, 400);
    assert.match(html, /<h1[ >]/, path);
    assert.match(html, /href="\/"/, path);
    assert.doesNotMatch(html, /<b>"/, path);
  }
  for (
    const path of [
      "/search?q=%00%ff",
      "/search?q=%F0%9F%9A%9A",
      "/search?q=..%2f..",
      "/search?sort=",
      "/top?by=stars&in=all",
    ]
  ) {
    await page(path, 200);
  }
});

Deno.test("suggestions are few, and lead to people, repositories and tags", async () => {
  await push("suggest/kiosk", "v1");
  const suggested = async (q: string) => {
    const url = new URL(
      `/search/suggestions?${new URLSearchParams({ q })}`,
      server().origin,
    );
    const body = jsonOf(expect(await call(url, "GET"), 200)) as {
      suggestions: { href: string }[];
    };
    return body.suggestions.map(({ href }) => href);
  };
  assert.deepEqual(await suggested("k"), []);
  assert.ok((await suggested("kios")).includes("/r/alice.test/suggest/kiosk"));
  assert.ok((await suggested("alice")).includes("/u/alice.test"));
  assert.equal(
    (await suggested("alice.test/suggest/kiosk:v1"))[0],
    "/r/alice.test/suggest/kiosk:v1",
  );
  assert.deepEqual(await suggested("x ".repeat(60)), []);
  assert.ok((await suggested("a")).length <= 9);
});

Deno.test("search fields of browsers get suggestions in their form", async () => {
  await push("browser/kiosk", "v1");
  const description = textOf(
    expect(await call(new URL("/opensearch.xml", server().origin), "GET"), 200),
  );
  const [, template = ""] =
    /application\/x-suggestions\+json" template="([^"]*)"/
      .exec(description) ?? [];
  assert.match(template, /\{searchTerms\}/);
  const url = new URL(template.replace("{searchTerms}", "browser%2Fkio"));
  const answer = expect(await call(url, "GET"), 200);
  assert.equal(
    answer.headers.get("content-type"),
    "application/x-suggestions+json",
  );
  const [asked, names, kinds, urls] = jsonOf(answer) as [string, ...string[][]];
  assert.equal(asked, "browser/kio");
  assert.equal(names?.length, kinds?.length);
  const place = names?.indexOf("alice.test/browser/kiosk") ?? -1;
  assert.ok(place >= 0, JSON.stringify(names));
  assert.equal(
    new URL(urls?.[place] ?? "").pathname,
    "/r/alice.test/browser/kiosk",
  );
});

Deno.test("those who are signed in see what is theirs first", async () => {
  await push("mine/app", "v1");
  const alice = await signedIn(server(), server().alice);
  const own = await (await alice.get("/")).text();
  assert.match(own, /Your repositories[\s\S]*mine\/<wbr\/?>app/);
  assert.match(own, /you are captain/);
  assert.match(own, /href="\/u\/alice\.test"/);
  const bob = await signedIn(server(), server().bob);
  const empty = await (await bob.get("/")).text();
  assert.match(empty, /docker push [^<]+bob\.test\/app:latest/);
});

Deno.test("new pushes are sent to pages that are open, and only so many pages listen", async () => {
  const path = new URL("/activity/events", server().origin);
  for (let i = 0; i < 8; i++) {
    const head = await fetch(path, { method: "HEAD" });
    assert.equal(head.status, 200);
  }
  const opened: Response[] = [];
  for (let i = 0; i < 6; i++) opened.push(await fetch(path));
  const refused = await fetch(path);
  assert.equal(refused.status, 429);
  await refused.body?.cancel();
  let text = "";
  const [first, ...others] = opened;
  for (const { body } of others) await body?.cancel();
  assert.equal(first?.headers.get("content-type"), "text/event-stream");
  const reader = first?.body?.pipeThrough(new TextDecoderStream()).getReader();
  const reading = (async () => {
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) return;
      text += part.value;
    }
  })();
  let tag = 0;
  // What was pushed before the first look is not new.
  await until(async () => {
    await push("live/app", `v${tag++}`);
    return text.includes("event: push");
  });
  assert.match(text, /"owner":"alice\.test","repo":"live\/app","tag":"v\d+"/);
  await reader?.cancel();
  await reading;
  // Places become free again.
  await until(async () => {
    const again = await fetch(path);
    await again.body?.cancel();
    return again.status === 200;
  });
});
