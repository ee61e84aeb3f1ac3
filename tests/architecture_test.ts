/** Architecture rules: the direction of imports, and what each room may use. */

import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { settingsSchema } from "../lib/config/schema.ts";
import { leavesOf, nodesOf } from "../lib/config/setting.ts";
import { checkout } from "./house/checkout.ts";
import {
  alwaysWrong,
  patternsOf,
  wordsInCode,
  wordsInPages,
  wordsInSource,
} from "./house/words.ts";
import { unusedExports } from "./house/exports.ts";
import { unreadSettings } from "./house/settings.ts";
import {
  all,
  product,
  ROOT,
  type Source,
  sources,
  withoutComments,
} from "./support/sources.ts";

/** The same files as syntax trees. */
const trees = await checkout(ROOT);

/** Files that everything may use. */
const GROUND = [
  ...["lib/bytes.ts", "lib/clock.ts", "lib/did.ts", "lib/errors.ts"],
  ...["lib/etag.ts", "lib/log.ts", "lib/text.ts", "lib/async"],
];

/** The foundations of services. */
const FOUNDATIONS = [
  ...["lib/atproto", "lib/crypto", "lib/kv", "lib/net", "lib/oci"],
  ...["lib/scrub", "lib/storage"],
];

/** The rooms that each room may use, in addition to the ground. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  "lib/kv": ["lib/net"],
  "lib/net": [],
  "lib/crypto": ["lib/kv"],
  "lib/oci": [],
  "lib/atproto": [
    ...["lib/crypto", "lib/hold_api", "lib/kv", "lib/net", "lib/oci"],
    "lexicons",
  ],
  // The contract between the registry and every hold.
  "lib/hold_api": ["lib/oci", "lib/storage"],
  "lib/storage": ["lib/oci"],
  "lib/scrub": ["lib/kv", "lib/storage"],
  "lib/repo": [
    ...["lib/atproto", "lib/crypto", "lib/kv", "lib/net", "lib/scrub"],
    "lib/storage",
  ],
  "lib/config": ["lib/atproto", "lib/branding", "lib/net", "lib/oci"],
  "lib/branding": [],
  "lib/install": [],
  "lib/log_shipper": [],
  // Copies what it does not understand.
  "lib/backup": ["lib/kv", "lib/storage"],
  "lib/metrics": ["lib/metrics.ts"],
  "lib/metrics.ts": ["lib/metrics"],
  "lib/tracing.ts": [],
  // Services do not know each other.
  "lib/auth": [...FOUNDATIONS, "lib/hold_api", "lib/metrics.ts"],
  "lib/avatar": FOUNDATIONS,
  "lib/index": [
    ...FOUNDATIONS.filter((room) => !/scrub|storage/.test(room)),
    "lexicons",
  ],
  "lib/webhooks": [
    "lib/atproto",
    ...["lib/crypto", "lib/kv", "lib/net", "lib/oci"],
  ],
  "lib/share": ["lib/kv", "lib/net"],
  "lib/hold": [...FOUNDATIONS, "lib/hold_api"],
  "lib/registry": [...FOUNDATIONS, "lib/hold_api", "lib/metrics.ts"],
  // Builds all of it.
  "lib/context": [
    ...FOUNDATIONS,
    ...["lib/auth", "lib/avatar", "lib/config", "lib/hold", "lib/metrics.ts"],
    "lib/branding",
    ...["lib/hold_api", "lib/index", "lib/registry", "lib/repo"],
    ...["lib/metrics", "lib/share", "lib/tracing.ts", "lib/webhooks"],
  ],
  // Runs in the browser as well.
  "islands": [],
  // Only services know what is stored.
  "routes": [
    ...FOUNDATIONS.filter((room) => room !== "lib/kv"),
    ...["lib/auth", "lib/avatar", "lib/context", "lib/hold", "lib/install"],
    "lib/branding",
    ...["lib/hold_api", "lib/index", "lib/metrics.ts", "lib/registry"],
    "lib/tracing.ts",
    ...["lib/repo", "lib/share", "lib/webhooks"],
    ...["deno.json", "islands"],
  ],
  "cli": [
    ...FOUNDATIONS,
    ...["lib/backup", "lib/config", "lib/context", "lib/hold", "lib/index"],
    ...["lib/install", "lib/log_shipper", "lib/metrics", "lib/repo"],
    ...["lib/tracing.ts", "routes", "sandbox"],
  ],
  "main.ts": ["cli", "lib/config"],
  "sandbox": [],
};

/** Files that join two services on purpose: the registry reaches our own hold in-process. */
const JOINTS: Readonly<Record<string, string>> = {
  "lib/registry/local_hold.ts": "lib/hold",
};

/** The folder of `lib/`, or the top-level folder. */
function roomOf(path: string): string {
  if (path === "lib/context.ts") return "lib/context";
  return /^lib\/[^/]+|^[^/]+/.exec(path)?.[0] ?? path;
}

/** Fails with the offences and what to do about them. */
function refuse(wrong: readonly string[], advice: string): void {
  assert.ok(wrong.length === 0, `${wrong.join("\n")}\n${advice}`);
}

/** One line per file and offence. */
function offences(
  files: readonly Source[],
  find: (source: Source) => Iterable<string>,
): string[] {
  return files.flatMap((source) =>
    [...find(source)].map((what) => `${source.path}: ${what}`)
  );
}

Deno.test("imports point one way: from routes to services to foundations", () => {
  const wrong = offences(product, ({ path, imports }) => {
    const own = roomOf(path);
    if (GROUND.includes(own)) {
      return imports.filter((target) => !GROUND.includes(roomOf(target)));
    }
    const allowed = ROOMS[own];
    assert.ok(allowed, `${path} is in no room of the house`);
    return imports.filter((target) => {
      const other = roomOf(target);
      return other !== own && !GROUND.includes(other) &&
        !allowed.includes(other) && JOINTS[path] !== other;
    });
  });
  refuse(
    wrong,
    "Move the code to the room that may know both, or take what you need as a dependency.",
  );
});

Deno.test("the OCI grammar imports only types from rooms that it must not use", () => {
  const wrong = offences(
    product.filter(({ path }) => roomOf(path) === "lib/oci"),
    ({ values }) =>
      values.filter((target) =>
        roomOf(target) !== "lib/oci" && !GROUND.includes(roomOf(target))
      ),
  );
  refuse(wrong, "Keep lib/oci pure: pass values in.");
});

Deno.test("tests and their helpers are not part of the product", () => {
  const isForTests = /(_test|\/testing\w*)\.tsx?$|^tests\//;
  const wrong = offences(
    product,
    ({ imports }) => imports.filter((target) => isForTests.test(target)),
  );
  refuse(wrong, "Move what the product needs out of the testing file.");
});

Deno.test("workers are started in one place, without permissions", () => {
  const wrong = product.filter(({ path, text }) =>
    path !== "lib/async/sealed_worker.ts" && /\bnew Worker\(/.test(text)
  ).map(({ path }) => path);
  refuse(wrong, "Start the thread with sealedWorker.");
});

Deno.test("drivers are named only where services are built", () => {
  // A driver is a file with a class that implements a port, or one that creates it.
  const drivers = new Set(
    product.filter(({ text }) =>
      /^export class \w+[^{]*\bimplements (BlobStore|Kv)\b/m.test(text)
    ).map(({ path }) => path),
  );
  for (const { path, values } of product) {
    const isMaker = values.some((target) =>
      drivers.has(target) && dirname(target) === dirname(path)
    );
    if (isMaker) drivers.add(path);
  }
  assert.ok(drivers.size >= 4, [...drivers].join());
  const wrong = offences(
    product,
    ({ path, imports }) =>
      roomOf(path) === "lib/context"
        ? []
        : imports.filter((target) =>
          drivers.has(target) && roomOf(target) !== roomOf(path)
        ),
  );
  refuse(wrong, "Take the port (BlobStore, Kv) as a dependency instead.");
});

Deno.test("services use neither the server nor pages", () => {
  const web = /^@hono\/|^preact/;
  const wrong = offences(
    product.filter(({ path }) => path.startsWith("lib/")),
    ({ packages, text }) => [
      ...packages.filter((name) => web.test(name)),
      ...text.match(/\bDeno\.serve\(/g) ?? [],
    ],
  );
  refuse(wrong, "Return plain values; routes shape the response.");
});

Deno.test("only the configuration reads the environment", () => {
  /** Passes it to the configuration, or is a separate program. */
  const own =
    /^(cli\/commands\.ts|cli\/docker-credential-atcr\/.*|sandbox\/.*)$/;
  const wrong = offences(
    product,
    ({ path, text }) =>
      own.test(path) ? [] : text.match(/(Deno|process)\.env\b/g) ?? [],
  );
  refuse(
    wrong,
    "Declare a setting in lib/config and pass it on in lib/context.",
  );
});

Deno.test("imports of values have no cycle", () => {
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
  refuse(circles, "Move what both need into a third file.");
});

Deno.test("a file has one subject: none is longer than about 300 lines", () => {
  const wrong = offences(product, ({ text }) => {
    const { length } = text.split("\n");
    return length > 320 ? [`${length} lines`] : [];
  });
  refuse(wrong, "Split the file by subject.");
});

Deno.test("no folder has more than 20 production files", () => {
  const folders = Map.groupBy(product, ({ path }) => dirname(path));
  const wrong = [...folders].filter(([, files]) => files.length > 20)
    .map(([folder, files]) => `${folder}: ${files.length} files`);
  refuse(wrong, "Move files about one subject to a folder of their own.");
});

Deno.test("every file begins with a module comment", () => {
  const wrong = offences(
    all.filter(({ path }) => /(?<!_test)\.tsx?$/.test(path)),
    ({ text }) => text.startsWith("/**") ? [] : [text.slice(0, 40)],
  );
  refuse(wrong, "Begin the file with a /** … @module */ comment.");
});

Deno.test("the type checker and the linter are not bypassed", () => {
  const wrong = offences(all, ({ text }) => [
    ...text.match(/@ts-(ignore|expect-error|nocheck)|deno-lint-ignore/g) ?? [],
    ...withoutComments(text)
      .match(/\bas any\b|<any\b|[)\w]\??: any[,;) =[]|\bany\[\]/g) ?? [],
  ]);
  refuse(wrong, "Narrow the type with a schema or a type guard.");
});

Deno.test("files export by name, and do not re-export", () => {
  const wrong = offences(
    product,
    ({ text }) => text.match(/^export (default\b|\* |\{[^}]*\} from)/gm) ?? [],
  );
  refuse(wrong, "Export by name, and import from the file that declares it.");
});

Deno.test("exports are used by the program, not only by tests", () => {
  refuse(
    unusedExports(trees).map(({ path, name }) => `${path}: ${name}`),
    "Remove the export, or move it to a testing file; tests write limits as numbers.",
  );
});

Deno.test("the words that CONTRIBUTING.md advises against are not used", async () => {
  const contributing = await Deno.readTextFile(join(ROOT, "CONTRIBUTING.md"));
  const patterns = patternsOf(contributing);
  const found = [
    ...await wordsInPages(ROOT, patterns),
    ...wordsInCode(trees, patterns),
    ...wordsInSource(trees, alwaysWrong(contributing, patterns)),
  ];
  refuse(
    found.map(({ path, line, word, context }) =>
      `${path}:${line}: "${word}" in: ${context}`
    ),
    'Use the words of the right column of "Words" in CONTRIBUTING.md.',
  );
});

Deno.test("every setting is read by the program", () => {
  const paths = leavesOf(nodesOf(settingsSchema)).map(({ path }) => path);
  assert.ok(paths.length > 50, `${paths.length} settings`);
  refuse(
    unreadSettings(paths, trees),
    "Pass the setting on in lib/context, or remove it.",
  );
});

Deno.test("every package of the configuration is used, and no other", async () => {
  const config = JSON.parse(await Deno.readTextFile(join(ROOT, "deno.json")));
  const known: string[] = Object.keys(config.imports);
  const used = new Set<string>();
  // Types of another package, and what JSX is compiled to.
  const silent = [
    ...["@types/pg", "@types/sanitize-html", "@types/ws", "preact"],
  ];
  for (
    const { path, packages } of [...all, ...await sources(["docs", "tests"])]
  ) {
    // Programs with packages of their own.
    if (/^(sandbox|tests\/sync\/consumer)\//.test(path)) continue;
    for (const name of packages) {
      const found = known.find((one) =>
        name === one || name.startsWith(`${one}/`)
      );
      assert.ok(
        found,
        `${path} imports ${name}, which deno.json does not name`,
      );
      used.add(found);
    }
  }
  const unused = known.filter((name) =>
    !used.has(name) && !silent.includes(name)
  );
  assert.deepEqual(unused, []);
});
