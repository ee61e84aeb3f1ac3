/** The documentation matches the program: settings, commands, tasks, links. */

import assert from "node:assert/strict";
import { outdated } from "../docs/generate.ts";
import { isOutdated } from "../docs/lexicons.ts";

const ROOT = new URL("../", import.meta.url);

/** Paths of all Markdown files for readers, from the root. */
async function documents(): Promise<string[]> {
  const paths: string[] = [];
  for (const folder of ["./", "docs/"]) {
    for await (const { name } of Deno.readDir(new URL(folder, ROOT))) {
      if (name.endsWith(".md")) paths.push(`${folder}${name}`);
    }
  }
  return paths;
}

function read(path: string): Promise<string> {
  return Deno.readTextFile(new URL(path, ROOT));
}

Deno.test("generated parts of the documentation are up to date", async () => {
  const stale = await outdated();
  assert.ok(stale.length === 0, `${stale.join(", ")}: run deno task docs`);
});

Deno.test("the types of the lexicons are up to date", async () => {
  assert.ok(
    !await isOutdated(),
    "lexicons/generated.ts: run deno task lexicons",
  );
});

Deno.test("every task is documented, and every documented task exists", async () => {
  const tasks = Object.keys(JSON.parse(await read("deno.json")).tasks);
  const named = new Set<string>();
  for (const path of await documents()) {
    const text = await read(path);
    for (const [, name = ""] of text.matchAll(/\bdeno task ([a-z0-9:]+)/g)) {
      named.add(name);
    }
  }
  assert.deepEqual([...named].sort(), tasks.sort());
});

Deno.test("links between documents lead to files and headings that exist", async () => {
  const broken: string[] = [];
  for (const path of await documents()) {
    const text = await read(path);
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = "", heading] = target.split("#");
      const place = file === "" ? path : new URL(file, new URL(path, ROOT));
      const body = await Deno.readTextFile(
        typeof place === "string" ? new URL(place, ROOT) : place,
      ).catch(() => undefined);
      const isThere = body !== undefined &&
        (heading === undefined || anchors(body).includes(heading));
      if (!isThere) broken.push(`${path}: ${target}`);
    }
  }
  assert.deepEqual(broken, []);
});

Deno.test("the README is short enough to be read", async () => {
  const { length } = new TextEncoder().encode(await read("README.md"));
  assert.ok(length <= 9 * 1024, `README.md has ${length} bytes; 9 KiB at most`);
});

/** The anchors of the headings of a document. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}
