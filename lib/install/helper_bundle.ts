/**
 * Serves the credential helper as one file: built by `deno task build:helper`,
 * or else on first use.
 *
 * @module
 */

import { AppError } from "../errors.ts";

/** Paths of the helper's source and its built file, relative to the program's folder. */
const SOURCE = "cli/docker-credential-atcr/";
const BUILT = "static/build/docker-credential-atcr.js";

/** Runs the file with the permissions it needs and without any project's configuration. */
const FIRST_LINE =
  "#!/usr/bin/env -S deno run --quiet --no-lock --no-config --no-prompt --allow-net --allow-read --allow-write --allow-env --allow-run --allow-sys\n";

export interface HelperBundleOptions {
  /** Folder of the program. */
  root: URL;
  version: string;
  /** Address of the registry in image names, for example `https://registry.example.com`. */
  registry: string;
}

/** Returns the helper's file. */
export class HelperBundle {
  readonly #options: HelperBundleOptions;
  #text: Promise<string> | undefined;

  constructor(options: HelperBundleOptions) {
    this.#options = options;
  }

  /**
   * Returns the file. Throws AppError `UNAVAILABLE` when it was not built and
   * cannot be built here.
   */
  async text(): Promise<string> {
    this.#text ??= this.#make();
    try {
      return await this.#text;
    } catch (error) {
      this.#text = undefined;
      throw error;
    }
  }

  async #make(): Promise<string> {
    const { version, registry } = this.#options;
    const code = await this.#built() ?? await this.#build();
    return FIRST_LINE + code
      .replaceAll("__ATCR_HELPER_VERSION__", version)
      .replaceAll("__ATCR_HELPER_REGISTRY__", registry);
  }

  /** The built file, unless the source has changed since. */
  async #built(): Promise<string | undefined> {
    const { root } = this.#options;
    const file = new URL(BUILT, root);
    try {
      const builtAt = (await Deno.stat(file)).mtime?.getTime() ?? 0;
      for await (const { name } of Deno.readDir(new URL(SOURCE, root))) {
        const { mtime } = await Deno.stat(new URL(`${SOURCE}${name}`, root));
        if ((mtime?.getTime() ?? 0) > builtAt) return undefined;
      }
      return await Deno.readTextFile(file);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async #build(): Promise<string> {
    const { root } = this.#options;
    try {
      const command = new Deno.Command(Deno.execPath(), {
        args: ["bundle", "--quiet", "--platform=deno", `${SOURCE}main.ts`],
        cwd: root,
        stdin: "null",
      });
      const { success, stdout, stderr } = await command.output();
      if (success) return new TextDecoder().decode(stdout);
      throw new Error(new TextDecoder().decode(stderr));
    } catch (cause) {
      throw new AppError(
        "UNAVAILABLE",
        "The credential helper was not built on this server. Its operator has to run: deno task build:helper",
        { cause },
      );
    }
  }
}
