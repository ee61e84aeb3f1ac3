/**
 * Installs the third-party programs of the test suites into `.tools/`, at
 * pinned versions; quick when all is there.
 *
 *   deno task tools                    everything
 *   deno task tools crane distribution some of it
 *
 * Go programs are built by the Go toolchain, the others come from Debian. The
 * exit code is 1 when something is missing in the end; the suites leave out
 * what they do not find, and say so.
 *
 * @module
 */

import { join } from "node:path";
import { DEBIAN_PROGRAMS, GO_PROGRAMS, type GoProgram } from "./catalog.ts";
import { run, say } from "./command.ts";
import { BIN_DIR, findProgram, TOOLS_DIR } from "./paths.ts";

/** Time for one program; the largest take some minutes on a small machine. */
const BUILD_LIMIT_MS = 40 * 60_000;
const APT_LIMIT_MS = 10 * 60_000;

/** What became of one program. */
interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly words: string;
}

const known = new Set(
  [...GO_PROGRAMS, ...DEBIAN_PROGRAMS].map(({ name }) => name),
);
const strangers = Deno.args.filter((name) => !known.has(name));
if (strangers.length > 0) {
  await say(
    `Unknown: ${strangers.join(", ")}. Known: ${[...known].join(", ")}.`,
  );
  Deno.exit(2);
}
const wanted = (name: string) =>
  Deno.args.length === 0 || Deno.args.includes(name);

await Deno.mkdir(BIN_DIR, { recursive: true });
const results = [
  ...await installDebian(),
  ...await installGo(),
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

async function installGo(): Promise<Result[]> {
  const results: Result[] = [];
  for (const program of GO_PROGRAMS.filter(({ name }) => wanted(name))) {
    results.push(await installOneGo(program));
  }
  return results;
}

async function installOneGo(program: GoProgram): Promise<Result> {
  const { name, version } = program;
  const target = join(BIN_DIR, name);
  const stamp = `${target}.version`;
  const there = await Deno.stat(target).then(() => true, () => false);
  const stamped = await Deno.readTextFile(stamp).catch(() => undefined);
  if (there && stamped === version) return { name, ok: true, words: version };
  // One that somebody has put there is theirs to keep up to date.
  if (there && stamped === undefined) {
    return { name, ok: true, words: "as found in .tools/bin" };
  }
  const go = await findProgram("go");
  if (go === undefined) {
    return {
      name,
      ok: false,
      words: "needs the Go toolchain (1.24 or newer) on PATH",
    };
  }
  await say(`building ${name} ${version}`);
  try {
    await build(go, program, target);
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

/**
 * Builds a program inside a small module that requires it. Unlike
 * `go install PACKAGE@VERSION` this also takes modules with `replace` lines,
 * whose replacements only count in their own repository.
 */
async function build(
  go: string,
  program: GoProgram,
  target: string,
): Promise<void> {
  const folder = join(TOOLS_DIR, "go", program.name);
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(
    join(folder, "go.mod"),
    `module tools\n\ngo 1.24\n\nrequire ${program.module} ${program.version}\n`,
  );
  await Deno.remove(join(folder, "go.sum")).catch(() => {});
  // In the background of whatever else the machine does.
  const nice = await findProgram("nice");
  const command = nice === undefined ? [go] : [nice, "-n", "19", go];
  const [head = go, ...tail] = command;
  const args = ["build", "-o", target, program.package];
  await run(head, [...tail, ...args], {
    cwd: folder,
    limitMs: BUILD_LIMIT_MS,
    env: {
      CGO_ENABLED: "0",
      GOFLAGS: "-mod=mod -trimpath -p=1 -buildvcs=false",
      GOWORK: "off",
      ...program.env,
    },
  });
}
