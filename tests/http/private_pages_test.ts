/** Pages of a private hold: its crew sees them, for all others they do not exist. */

import assert from "node:assert/strict";
import { TestBrowser } from "../support/auth_app.ts";
import { call, Repository, textOf } from "../support/registry.ts";
import { until } from "../support/until.ts";
import { sharedServer } from "../support/shared_server.ts";

const server = sharedServer({
  env: { HOLD_PUBLIC: "false", HOLD_ALLOW_ALL_CREW: "false" },
});

/** The page without the request's id and name, which always differ. */
function same(html: string): string {
  return html.replace(/request <code>[^<]*/, "").replaceAll(/secret|none/g, "");
}

Deno.test("a page of a private repository looks like one that does not exist, except to the crew", async () => {
  const repository = new Repository(
    server(),
    server().alice,
    "alice.test/secret",
  );
  const { digest } = await repository.pushImage("v1");
  const browser = async (name: "alice" | "bob") => {
    const signed = new TestBrowser(
      server().origin,
      (request) => fetch(request, { redirect: "manual" }),
    );
    await signed.signIn({ ...server()[name], password: `${name}-password` });
    return signed;
  };
  const [alice, bob] = [await browser("alice"), await browser("bob")];
  for (const rest of ["", "/-/tags", ":v1", `@${digest}`]) {
    const path = `/r/alice.test/secret${rest}`;
    const missing = `/r/alice.test/none${rest}`;
    const shown = await alice.get(path);
    assert.equal(shown.status, 200, path);
    assert.match(await shown.text(), /secret/);
    assert.equal((await alice.get(missing)).status, 404, missing);
    const answers = [path, missing].map(async (one) => {
      const stranger = await call(new URL(one, server().origin), "GET");
      const bobs = await bob.get(one);
      assert.equal(stranger.status, 404, one);
      assert.equal(bobs.status, 404, one);
      return [same(textOf(stranger)), same(await bobs.text())];
    });
    const [hidden, none] = await Promise.all(answers);
    assert.deepEqual(hidden, none);
  }
});

Deno.test("lists, search and suggestions show a private repository to the crew only", async () => {
  const { alice, origin } = server();
  const repository = new Repository(server(), alice, "alice.test/unlisted");
  await repository.pushImage("v1");
  const crew = new TestBrowser(
    origin,
    (request) => fetch(request, { redirect: "manual" }),
  );
  await crew.signIn({ ...alice, password: "alice-password" });
  const pages = [
    "/",
    "/activity",
    "/u/alice.test",
    "/u/alice.test/activity",
    "/search?q=listed",
    "/search?q=&sort=updated",
    "/search/suggestions?q=unli",
  ];
  for (const path of pages) {
    // All names are read again after some seconds, for parts of words.
    await until(async () =>
      /\bunlisted/.test(await (await crew.get(path)).text())
    );
    const answer = await call(new URL(path, origin), "GET");
    assert.equal(answer.status, 200, path);
    assert.doesNotMatch(textOf(answer), /unlisted/, path);
  }
  const named = "/search?q=alice.test/unlisted:v1";
  assert.equal((await crew.get(named)).status, 302);
  const answer = await call(new URL(named, origin), "GET");
  assert.equal(answer.status, 200);
});

Deno.test("the API shows a private repository to the crew only, and says so to caches", async () => {
  const repository = new Repository(
    server(),
    server().alice,
    "alice.test/hidden",
  );
  await repository.pushImage("v1");
  const alice = new TestBrowser(
    server().origin,
    (request) => fetch(request, { redirect: "manual" }),
  );
  await alice.signIn({ ...server().alice, password: "alice-password" });
  const lists = [
    "search?q=hidden",
    "repositories",
    "repositories?owner=alice.test",
    "activity",
    "activity?actor=alice.test",
  ];
  for (const path of lists) {
    const shown = await alice.get(`/api/v1/${path}`);
    assert.match(await shown.text(), /"hidden"/, path);
    assert.equal(shown.headers.get("cache-control"), "private, no-cache");
    const answer = await call(
      new URL(`/api/v1/${path}`, server().origin),
      "GET",
    );
    assert.equal(answer.status, 200, path);
    assert.doesNotMatch(textOf(answer), /hidden/, path);
    assert.match(answer.headers.get("cache-control") ?? "", /^public/);
    assert.match(answer.headers.get("vary") ?? "", /Cookie/);
  }
  const single = [
    "repositories/alice.test/NAME",
    "tags?repository=alice.test/NAME",
    "tags/moves?repository=alice.test/NAME&tag=v1",
    "stars?repository=alice.test/NAME",
  ];
  for (const path of single) {
    const own = await alice.get(`/api/v1/${path.replace("NAME", "hidden")}`);
    assert.equal(own.status, 200, path);
    const answers = ["hidden", "nothing"].map(async (name) => {
      const url = new URL(
        `/api/v1/${path.replace("NAME", name)}`,
        server().origin,
      );
      const answer = await call(url, "GET");
      assert.equal(answer.status, 404, path);
      return textOf(answer);
    });
    const [hidden, none] = await Promise.all(answers);
    assert.equal(hidden, none, path);
  }
});

Deno.test("feeds, badges, pictures of links and sitemaps do not know a private repository", async () => {
  const repository = new Repository(
    server(),
    server().alice,
    "alice.test/quiet",
  );
  await repository.pushImage("v1");
  const { did } = server().alice;
  const letter = did.slice("did:plc:".length).slice(0, 1);
  for (
    const path of [
      "feed.atom",
      "u/alice.test/feed.atom",
      `sitemap/${letter}.xml`,
    ]
  ) {
    const answer = await call(new URL(path, server().origin), "GET");
    assert.equal(answer.status, 200, path);
    assert.doesNotMatch(textOf(answer), /quiet/, path);
  }
  const paths = [
    "r/alice.test/NAME/-/feed.atom",
    "badge/alice.test/NAME/tag.svg",
    "og/r/alice.test/NAME.png",
  ];
  for (const path of paths) {
    const answers = ["quiet", "nothing"].map(async (name) => {
      const url = new URL(path.replace("NAME", name), server().origin);
      const answer = await call(url, "GET");
      assert.equal(answer.status, 404, path);
      return same(textOf(answer)).replaceAll(name, "");
    });
    const [hidden, none] = await Promise.all(answers);
    assert.equal(hidden, none, path);
  }
});
