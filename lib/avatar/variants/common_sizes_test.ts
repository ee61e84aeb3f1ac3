import assert from "node:assert/strict";
import { parseQuery } from "../parameters.ts";
import { sizeClassOf } from "./common_sizes.ts";

const RULES = { maxSide: 4096, fallbackHosts: [] };

const classOf = (text: string, allowed: readonly number[] = []) =>
  sizeClassOf(
    parseQuery(new URLSearchParams(text), undefined, RULES).request,
    allowed,
  );

Deno.test("the plain picture and common sizes are distinguished from others", () => {
  for (const text of ["", "f=jpg", "f=png", "dpr=2", "q=85", "fit=contain"]) {
    assert.equal(classOf(text), "plain", text);
  }
  for (
    const text of [
      ...["w=64", "w=64&h=64", "w=64&h=64&dpr=2", "w=200&f=jpg"],
      ...["w=1024", "w=512&f=png"],
    ]
  ) {
    assert.equal(classOf(text), "common", text);
  }
  for (
    const text of [
      ...["w=63", "h=64", "w=64&h=65", "w=64&q=84", "w=64&dpr=1.5"],
      ...["w=1000&dpr=2", "w=600&f=png", "w=64&h=64&fit=inside"],
      ...["w=64&enlarge=true", "q=1", "w=2000"],
    ]
  ) {
    assert.equal(classOf(text), "other", text);
  }
  assert.equal(classOf("w=63", [63]), "common");
  assert.equal(classOf("w=64", [63]), "other");
});

Deno.test("the documentation lists the common sizes", async () => {
  const page = new URL("../../../docs/avatars.md", import.meta.url);
  const text = (await Deno.readTextFile(page)).replaceAll(/\n> |\s+/g, " ");
  const listed = (/ 16, 20,[\d, ]* 1024 /.exec(text)?.[0] ?? "").split(",")
    .map(Number);
  const common = Array.from({ length: 1100 }, (_, side) => side + 1)
    .filter((side) => classOf(`w=${side}`) === "common");
  assert.deepEqual(listed, common);
});
