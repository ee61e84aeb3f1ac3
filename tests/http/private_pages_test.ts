/** Pages of a private hold: its crew sees them, for all others they do not exist. */

import assert from "node:assert/strict";
import { TestBrowser } from "../support/auth_app.ts";
import { call, Repository, textOf } from "../support/registry.ts";
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
