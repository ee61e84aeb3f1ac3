/**
 * The folder tree of the filesystem driver: maps keys to paths inside the root,
 * with durable renames.
 *
 * @module
 */

import { dirname, join } from "node:path";
import { isMissing, syncFolders } from "./filesystem_io.ts";
import { assertKey, isKey } from "../object_keys.ts";
import { storageUnavailable } from "../storage_error.ts";

/** Folder below the root that holds uploads in progress; no key begins with a dot. */
const STAGING = ".uploads";

/** Retries of a rename whose folder was pruned concurrently. */
const RENAME_TRIES = 5;

/** A folder that stores files under keys. */
export class FileTree {
  readonly #folder: string;
  #root: Promise<string> | undefined;
  #staging: Promise<string> | undefined;

  /**
   * @param folder created on first use when missing; may itself be a symbolic
   * link.
   */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Real path of the root. Rejects with AppError `UNAVAILABLE` when it cannot be created. */
  root(): Promise<string> {
    const root = this.#root ??= this.#open();
    // The next call finds a disk that is mounted later.
    root.catch(() => this.#root = undefined);
    return root;
  }

  /** Real path of the folder for uploads in progress. */
  staging(): Promise<string> {
    const staging = this.#staging ??= this.#openStaging();
    staging.catch(() => this.#staging = undefined);
    return staging;
  }

  async #openStaging(): Promise<string> {
    const path = join(await this.root(), STAGING);
    await Deno.mkdir(path, { recursive: true });
    return path;
  }

  /** Path of the object with this key. Throws AppError `INVALID_REQUEST` for bad keys. */
  async path(key: string): Promise<string> {
    assertKey(key);
    return join(await this.root(), ...key.split("/").map(nameOf));
  }

  /**
   * Path of an existing object, or undefined. Throws AppError `UNAVAILABLE`
   * when a part of the path is a symbolic link.
   */
  async existing(key: string): Promise<string | undefined> {
    const path = await this.path(key);
    try {
      refuseLink(path, await Deno.realPath(path));
      return path;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /**
   * Renames the file `from` to `to`, creating folders, and removes the file
   * `beside` it; flushed when it resolves.
   */
  async rename(from: string, to: string, beside?: string): Promise<void> {
    const folder = dirname(to);
    for (let tries = 1;; tries++) {
      try {
        const { isNew, changed } = await this.#makeFolder(folder);
        // A folder created just now is empty.
        if (beside !== undefined && !isNew) await removeIfThere(beside);
        await Deno.rename(from, to);
        await syncFolders(changed);
        return;
      } catch (error) {
        // Another caller may have pruned the folder while it was empty.
        if (!isMissing(error) || tries === RENAME_TRIES) throw error;
        await Deno.lstat(from);
      }
    }
  }

  /** Removes the folder of `path` and those above it as far as they are empty. */
  async prune(path: string): Promise<void> {
    const root = await this.root();
    for (
      let folder = dirname(path);
      folder.length > root.length;
      folder = dirname(folder)
    ) {
      try {
        await Deno.remove(folder);
      } catch {
        return; // In use or already gone: both are fine.
      }
    }
  }

  /** Keys that begin with `prefix`, in key order. */
  async *keys(prefix: string): AsyncGenerator<string, void, void> {
    const cut = prefix.lastIndexOf("/") + 1;
    yield* this.#walk(prefix.slice(0, cut), prefix);
  }

  async *#walk(
    folder: string,
    prefix: string,
  ): AsyncGenerator<string, void, void> {
    const path = join(
      await this.root(),
      ...folder.split("/").filter(Boolean).map(nameOf),
    );
    const found: string[] = [];
    try {
      for await (const entry of Deno.readDir(path)) {
        if (entry.name.startsWith(".") || entry.isSymlink) continue;
        const key = folder + segmentOf(entry.name);
        found.push(entry.isDirectory ? `${key}/` : key);
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    // With the trailing slash, the order of entries is the order of keys.
    for (const key of found.sort()) {
      if (!key.startsWith(prefix) && !prefix.startsWith(key)) continue;
      if (key.endsWith("/")) yield* this.#walk(key, prefix);
      else if (key.startsWith(prefix) && isKey(key)) yield key;
    }
  }

  async #open(): Promise<string> {
    try {
      await Deno.mkdir(this.#folder, { recursive: true });
      return await Deno.realPath(this.#folder);
    } catch (error) {
      throw storageUnavailable(
        `The storage folder ${this.#folder} cannot be opened (${
          reason(error)
        });` +
          " make it writable for this program or name another.",
        { cause: error },
      );
    }
  }

  /**
   * Creates `folder` if it is missing; `changed` lists the folders whose
   * entries changed, itself first. The system has just looked these paths up or
   * does so next, so that asking for them costs less than a thread.
   */
  async #makeFolder(
    folder: string,
  ): Promise<{ isNew: boolean; changed: string[] }> {
    try {
      refuseLink(folder, Deno.realPathSync(folder));
      return { isNew: false, changed: [folder] };
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    const above = await this.#makeFolder(dirname(folder));
    const changed = [folder, ...above.changed];
    try {
      await Deno.mkdir(folder);
      return { isNew: true, changed };
    } catch (error) {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      refuseLink(folder, Deno.realPathSync(folder));
      return { isNew: false, changed };
    }
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

/** The system's message, without the call and the path after it. */
export function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/: [a-z_]+ '.*$/s, "");
}

/** A link could lead anywhere, so none is followed below the root. */
function refuseLink(path: string, real: string): void {
  if (path === real) return;
  throw storageUnavailable(
    `${path} is or lies behind a symbolic link, which the storage does not ` +
      "follow; mount the other disk there instead.",
  );
}

/** A key's segment as a file name: Windows allows no colon. */
function nameOf(segment: string): string {
  return segment.replaceAll("%", "%25").replaceAll(":", "%3A");
}

function segmentOf(name: string): string {
  return name.replaceAll("%3A", ":").replaceAll("%25", "%");
}
