/**
 * The shape of the house: which way imports may point, and who may touch what.
 */

import assert from "node:assert/strict";
import { dirname, join, normalize, relative } from "node:path";

const ROOT = new URL("..", import.meta.url).pathname;
const FOLDERS = ["lib", "routes", "islands", "cli"];

interface Source {
  readonly path: string;
  readonly text: string;
  /** Paths of our own files that it imports, for types or for values. */
  readonly imports: readonly string[];
  /** Those that it imports values from. */
  readonly values: readonly string[];
}

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* walk(path);
    else if (/\.tsx?$/.test(entry.name)) yield path;
  }
}

async function sources(): Promise<Source[]> {
  const found: Source[] = [];
  const paths = ["main.ts"];
  for (const folder of FOLDERS) {
    const there = await Deno.stat(join(ROOT, folder)).catch(() => undefined);
    if (there) { for await (const path of walk(folder)) paths.push(path); }
  }
  for (const path of paths) {
    const text = await Deno.readTextFile(join(ROOT, path));
    const place = (target: string) =>
      relative(ROOT, normalize(join(ROOT, dirname(path), target)));
    const statements = [
      ...text.matchAll(
        /(?:^|\n)(import|export)( type)?\b[^;"]*?(?:from )?"(\.[^"]+)"/g,
      ),
    ];
    found.push({
      path,
      text,
      imports: statements.map(([, , , target = ""]) => place(target)),
      values: statements.filter(([, , type]) => type === undefined)
        .map(([, , , target = ""]) => place(target)),
    });
  }
  return found;
}

const isTest = ({ path }: Source) => /(_test|\/testing\w*)\.tsx?$/.test(path);
const all = await sources();
const product = all.filter((source) => !isTest(source));

/** Services of `lib/`; they do not import each other. */
const SERVICES = ["registry", "hold", "avatar", "auth", "index"];

/** Foundations of `lib/`, and what each may use of the others. */
const FOUNDATIONS: Readonly<Record<string, readonly string[]>> = {
  oci: ["atproto"],
  atproto: ["kv", "oci"],
  kv: [],
  storage: ["oci"],
  repo: ["kv", "atproto", "storage"],
  config: ["atproto"],
};

/** Files that join two services on purpose: the registry reaches our own hold in-process. */
const JOINTS = new Set(["lib/registry/local_hold.ts", "lib/context.ts"]);

function room(path: string): string | undefined {
  return /^lib\/([^/]+)\//.exec(path)?.[1];
}

Deno.test("services know neither routes nor the program's entry", () => {
  const wrong = product.filter(({ path }) => path.startsWith("lib/"))
    .flatMap(({ path, imports }) =>
      imports.filter((target) => /^(routes|cli|main\.ts)/.test(target))
        .map((target) => `${path} -> ${target}`)
    );
  assert.deepEqual(wrong, []);
});

Deno.test("a service does not import another one", () => {
  const wrong = product.filter(({ path }) => !JOINTS.has(path))
    .flatMap(({ path, imports }) => {
      const own = room(path);
      if (own === undefined || !SERVICES.includes(own)) return [];
      return imports.filter((target) => {
        const other = room(target);
        return other !== undefined && other !== own &&
          SERVICES.includes(other);
      }).map((target) => `${path} -> ${target}`);
    });
  assert.deepEqual(wrong, []);
});

Deno.test("a foundation imports only the foundations below it", () => {
  const wrong = product.flatMap(({ path, imports }) => {
    const own = room(path);
    const allowed = own === undefined ? undefined : FOUNDATIONS[own];
    if (!allowed) return [];
    return imports.filter((target) => {
      const other = room(target);
      return other !== undefined && other !== own && !allowed.includes(other);
    }).map((target) => `${path} -> ${target}`);
  });
  assert.deepEqual(wrong, []);
});

Deno.test("drivers are named only where services are built", () => {
  const drivers = /^lib\/storage\/(s3|filesystem|memory)\.ts$/;
  const wrong = product.filter(({ path }) =>
    path !== "lib/context.ts" && !path.startsWith("lib/storage/") &&
    !path.startsWith("lib/context/")
  ).flatMap(({ path, imports }) =>
    imports.filter((target) => drivers.test(target))
      .map((target) => `${path} -> ${target}`)
  );
  assert.deepEqual(wrong, []);
});

Deno.test("the environment is read by the configuration only", () => {
  const wrong = product.filter(({ path, text }) =>
    !path.startsWith("lib/config/") && !path.startsWith("cli/") &&
    path !== "main.ts" && /Deno\.env|process\.env/.test(text)
  );
  assert.deepEqual(wrong.map(({ path }) => path), []);
});

Deno.test("imports of values make no circle", () => {
  const graph = new Map(product.map(({ path, values }) => [path, values]));
  const done = new Set<string>();
  const circles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      circles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const target of graph.get(path) ?? []) {
      visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  assert.deepEqual(circles, []);
});

Deno.test("a file has one subject: none is longer than 400 lines", () => {
  const long = product.map(({ path, text }) => ({
    path,
    lines: text.split("\n").length,
  })).filter(({ lines }) => lines > 400);
  assert.deepEqual(long, []);
});

Deno.test("nobody escapes from the type checker", () => {
  const wrong = product.flatMap(({ path, text }) =>
    /@ts-(ignore|expect-error|nocheck)|\bas any\b|<any>|[)\w]\??: any[,;) =]/
        .test(text.replace(/^ *(\*|\/\/|\/\*).*$/gm, ""))
      ? [path]
      : []
  );
  assert.deepEqual(wrong, []);
});
