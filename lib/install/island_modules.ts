/**
 * The modules of the islands: built by `deno task build`, or when the program
 * starts where it may run Deno.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fileURLToPath, pathToFileURL } from "node:url";
import { z } from "zod";

/** Which modules a page needs; paths below `static/`. */
const schema = z.object({
  /** The module that starts islands. */
  boot: z.string(),
  /** The module of each island. */
  islands: z.record(z.string(), z.string()),
  /** What a module imports at once. */
  imports: z.record(z.string(), z.array(z.string())),
});

/** The modules of all islands. */
export type IslandModules = z.infer<typeof schema>;

const SOURCE = "islands/";
const BUILT = "static/build/";
const LIST = `${BUILT}islands.json`;

/** Reads what was built for the program at `root`; undefined where nothing was, and pages have no scripts. */
export function readIslandModules(root: URL): IslandModules | undefined {
  try {
    const text = Deno.readTextFileSync(new URL(LIST, root));
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotCapable;
    if (isMissing) return undefined;
    throw error;
  }
}

/** Whether the modules at `root` are there and not older than their source. */
export async function areIslandsBuilt(root: URL): Promise<boolean> {
  try {
    const builtAt = (await Deno.stat(new URL(LIST, root))).mtime;
    for await (const { name } of Deno.readDir(new URL(SOURCE, root))) {
      const { mtime } = await Deno.stat(new URL(`${SOURCE}${name}`, root));
      if ((mtime?.getTime() ?? 0) > (builtAt?.getTime() ?? 0)) return false;
    }
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Builds the modules into `static/build`, in a folder beside it first: other
 * processes may build or read them meanwhile. Throws Error with what the
 * bundler says.
 */
export async function buildIslands(root: URL): Promise<void> {
  const folder = new URL(BUILT, root);
  await Deno.mkdir(folder, { recursive: true });
  const made = await Deno.makeTempDir({ dir: fileURLToPath(folder) });
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["bundle", "--quiet", "--platform=browser", "--code-splitting"],
        ...["--minify", `--outdir=${made}`, `${SOURCE}boot.ts`],
      ],
      cwd: root,
      stdin: "null",
      stdout: "null",
    }).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    const from = pathToFileURL(`${made}/`);
    const modules = await nameBoot(from);
    for await (const { name } of Deno.readDir(made)) {
      await Deno.rename(new URL(name, from), new URL(name, folder));
    }
    // Last, because it names the others.
    const list = new URL("islands.json", from);
    await Deno.writeTextFile(list, JSON.stringify(modules));
    await Deno.rename(list, new URL(LIST, root));
  } finally {
    await Deno.remove(made, { recursive: true });
  }
}

/** Names the first module by its content, as the bundler does with the others, and lists all. */
async function nameBoot(folder: URL): Promise<IslandModules> {
  const code = await Deno.readTextFile(new URL("boot.js", folder));
  const hash = createHash("sha256").update(code).digest("hex").slice(0, 8);
  const boot = `boot-${hash.toUpperCase()}.js`;
  await Deno.rename(new URL("boot.js", folder), new URL(boot, folder));
  const files = code.matchAll(/import\("\.\/((\w+)-[0-9A-Z]{8}\.js)"\)/g);
  const islands: Record<string, string> = {};
  const imports: Record<string, string[]> = { [boot]: importsOf(code) };
  for (const [, file = "", name = ""] of files) {
    islands[name] = file;
    imports[file] = importsOf(await Deno.readTextFile(new URL(file, folder)));
  }
  return { boot, islands, imports };
}

/** Modules that a built module imports at once. */
function importsOf(code: string): string[] {
  return [
    ...code.matchAll(/(?:from|import)\s*"\.\/([\w-]+\.js)"/g),
  ].map(([, file = ""]) => file);
}
