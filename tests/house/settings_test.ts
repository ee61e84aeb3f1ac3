/** Tests that a setting counts as read only where its own section is. */

import assert from "node:assert/strict";
import { parse, type SourceFile } from "./checkout.ts";
import { unreadSettings } from "./settings.ts";

function file(path: string, text: string): SourceFile {
  return {
    path,
    text,
    tree: parse(path, text),
    isTest: false,
    isProduct: true,
  };
}

const unread = (paths: readonly string[], text: string) =>
  unreadSettings(paths, [
    file("lib/config/schema.ts", "section.unread; config.unread;"),
    file("lib/context.ts", text),
  ]);

Deno.test("a setting is read by member, by pattern, or through a variable", () => {
  const paths = ["avatar.ttl", "identity.ttl", "secret"];
  for (
    const text of [
      "use(config.avatar.ttl, config.secret);",
      "const { avatar: { ttl }, secret } = config;",
      "const { ttl: time } = config.avatar; config.secret;",
      "const own = config.avatar; own.ttl; config.secret;",
      `function f(own: Config["avatar"]) { own.ttl; config.secret; }`,
    ]
  ) {
    assert.deepEqual(unread(paths, text), ["identity.ttl"], text);
  }
});

Deno.test("the same name in another section, a comment or a string does not count", () => {
  const paths = ["identity.ttl"];
  for (
    const text of [
      "config.avatar.ttl; config.identity.other;",
      "// config.identity.ttl",
      `print("identity.ttl", config.identity);`,
      "const ttl = config.identity;",
    ]
  ) {
    assert.deepEqual(unread(paths, text), paths, text);
  }
  assert.deepEqual(unread(paths, "settings.ttl;"), []);
  assert.deepEqual(unread(["section.unread"], ""), ["section.unread"]);
});
