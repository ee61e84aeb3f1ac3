/**
 * Installs the third-party programs of the test suites into `.tools/`, at
 * pinned versions; quick when all is there.
 *
 *   deno task tools                    everything
 *   deno task tools crane distribution some of it
 *
 * Programs in Go and Rust are built here, the others come from Debian. The
 * exit code is 1 when something is missing in the end; the suites leave out
 * what they do not find, and say so.
 *
 * @module
 */

import { join } from "node:path";
import {
  CARGO_PROGRAMS,
  type CargoProgram,
  DEBIAN_PROGRAMS,
  GO_PROGRAMS,
  type GoProgram,
} from "./catalog.ts";
import { chooser } from "./choice.ts";
import { run, say } from "./command.ts";
import { BIN_DIR, findProgram, TOOLS_DIR } from "./paths.ts";

/** Time for one program; the largest take some minutes on a small machine. */
const BUILD_LIMIT_MS = 40 * 60_000;
const APT_LIMIT_MS = 10 * 60_000;

/** What builds a program. */
const TOOLCHAINS = {
  go: "the Go toolchain (1.26 or newer)",
  cargo: "the Rust toolchain",
} as const;

/** What became of one program. */
interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly words: string;
}

const wanted = await chooser(
  [...GO_PROGRAMS, ...CARGO_PROGRAMS, ...DEBIAN_PROGRAMS].map(({ name }) =>
    name
  ),
  Deno.args,
);

await Deno.mkdir(BIN_DIR, { recursive: true });
const results = [
  ...await installDebian(),
  ...await installBuilt(),
];
const width = Math.max(...results.map(({ name }) => name.length));
for (const { name, ok, words } of results) {
  await say(`${ok ? "ok     " : "MISSING"} ${name.padEnd(width)} ${words}`);
}
Deno.exit(results.every(({ ok }) => ok) ? 0 : 1);

async function installDebian(): Promise<Result[]> {
  const programs = DEBIAN_PROGRAMS.filter(({ name }) => wanted(name));
  const missing: string[] = [];
  for (const { name, package: pack } of programs) {
    const there = await findProgram(name) !== undefined;
    if (!there && !missing.includes(pack)) missing.push(pack);
  }
  const failure = missing.length === 0 ? undefined : await aptInstall(missing);
  const found: Result[] = [];
  for (const { name, package: pack } of programs) {
    const path = await findProgram(name);
    found.push({
      name,
      ok: path !== undefined,
      words: path ?? `of the Debian package ${pack}: ${failure}`,
    });
  }
  return found;
}

/** Installs packages; returns a sentence when that cannot be done. */
async function aptInstall(
  packages: readonly string[],
): Promise<string | undefined> {
  const apt = await findProgram("apt-get");
  if (apt === undefined) {
    return "there is no apt-get here; install it by the system's own means";
  }
  if (Deno.uid() !== 0) {
    return `run "apt-get install ${packages.join(" ")}" as root`;
  }
  await say(`installing ${packages.join(", ")}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const options = { env, limitMs: APT_LIMIT_MS };
  try {
    await run(apt, ["update", "-q"], options);
    const args = ["install", "-q", "-y", "--no-install-recommends"];
    await run(apt, [...args, ...packages], options);
    return "the package did not bring the program";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function installBuilt(): Promise<Result[]> {
  const results: Result[] = [];
  for (const program of GO_PROGRAMS.filter(({ name }) => wanted(name))) {
    results.push(await installOne(program, "go", buildGo));
  }
  for (const program of CARGO_PROGRAMS.filter(({ name }) => wanted(name))) {
    results.push(await installOne(program, "cargo", buildCrate));
  }
  return results;
}

/** Builds a program with `tool` unless it is there. */
async function installOne<P extends GoProgram | CargoProgram>(
  program: P,
  tool: "go" | "cargo",
  build: (tool: string, program: P) => Promise<void>,
): Promise<Result> {
  const { name, version } = program;
  const target = join(BIN_DIR, name);
  const stamp = `${target}.version`;
  const there = await Deno.stat(target).then(() => true, () => false);
  const stamped = await Deno.readTextFile(stamp).catch(() => undefined);
  if (there && stamped === version) return { name, ok: true, words: version };
  // A program installed manually is not updated.
  if (there && stamped === undefined) {
    return { name, ok: true, words: "as found in .tools/bin" };
  }
  const builder = await findProgram(tool);
  if (builder === undefined) {
    return { name, ok: false, words: `needs ${TOOLCHAINS[tool]} on PATH` };
  }
  await say(`building ${name} ${version}`);
  try {
    await build(builder, program);
    await Deno.writeTextFile(stamp, version);
    return { name, ok: true, words: version };
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    return {
      name,
      ok: false,
      words: `${words}\n        (needed by ${program.use}; a program of this ` +
        `name in .tools/bin or on PATH will do as well)`,
    };
  }
}

/** Runs a command in the background of whatever else the machine does. */
async function runNicely(
  command: readonly [string, ...string[]],
  options: Parameters<typeof run>[2],
): Promise<void> {
  const nice = await findProgram("nice");
  const [head, ...tail] = nice === undefined
    ? command
    : [nice, "-n", "19", ...command] as const;
  await run(head, tail, { limitMs: BUILD_LIMIT_MS, ...options });
}

/** Builds a crate with the versions that its authors have locked. */
async function buildCrate(cargo: string, program: CargoProgram): Promise<void> {
  const { name, version } = program;
  await runNicely([
    cargo,
    "install",
    name,
    `--version=${version}`,
    "--locked",
    "--no-track",
    `--root=${TOOLS_DIR}`,
  ], { env: { CARGO_TARGET_DIR: join(TOOLS_DIR, "cargo") } });
  await Deno.remove(join(TOOLS_DIR, "cargo"), { recursive: true });
}

/**
 * Builds a program inside a small module that requires it. Unlike
 * `go install PACKAGE@VERSION` this also takes modules with `replace` lines,
 * whose replacements only count in their own repository.
 */
async function buildGo(go: string, program: GoProgram): Promise<void> {
  const folder = join(TOOLS_DIR, "go", program.name);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    join(folder, "go.mod"),
    `module tools\n\ngo 1.24\n\nrequire ${program.module} ${program.version}\n`,
  );
  await Deno.remove(join(folder, "go.sum")).catch(() => {});
  const target = join(BIN_DIR, program.name);
  await runNicely([go, "build", "-o", target, program.package], {
    cwd: folder,
    env: {
      CGO_ENABLED: "0",
      GOFLAGS: "-mod=mod -trimpath -p=1 -buildvcs=false",
      GOWORK: "off",
      ...program.env,
    },
  });
}
