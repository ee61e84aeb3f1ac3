/**
 * Crash-safe files.
 *
 * @module
 */

import { dirname } from "node:path";

/** Makes the entries of `directory` durable (fsync of the directory itself). */
async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open a directory and does not need to sync it.
  if (Deno.build.os === "windows") return;
  using handle = await Deno.open(directory);
  await handle.sync();
}

/**
 * Atomically replaces the file at `path` by `text`, readable by its owner only.
 * After a crash the file has either the old or the new text.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  {
    using file = await Deno.open(draft, {
      write: true,
      create: true,
      truncate: true,
      mode: 0o600,
    });
    await writeAll(file, new TextEncoder().encode(text));
    await file.sync();
  }
  await Deno.rename(draft, path);
  await syncDirectory(dirname(path));
}

/** Writes all of `bytes` at the position of `file`. */
async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await file.write(bytes.subarray(done));
  }
}

/**
 * An append-only file of JSON lines. A line is valid once its line terminator
 * is on disk; anything after the last one is truncated on opening.
 */
export class JsonLines implements Disposable {
  readonly #file: Deno.FsFile;
  #size: number;

  private constructor(file: Deno.FsFile, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /**
   * Opens the file at `path`, created when missing and readable by its owner
   * only, and returns the values of its lines in order.
   *
   * @throws {Error} when a complete line is not JSON.
   */
  static async open(
    path: string,
  ): Promise<{ log: JsonLines; values: unknown[] }> {
    const file = await Deno.open(path, {
      read: true,
      write: true,
      create: true,
      mode: 0o600,
    });
    try {
      await syncDirectory(dirname(path));
      const bytes = await Deno.readFile(path);
      const size = bytes.lastIndexOf(0x0a) + 1;
      const values = parseLines(
        new TextDecoder().decode(bytes.subarray(0, size)),
        path,
      );
      if (size < bytes.length) await file.truncate(size);
      return { log: new JsonLines(file, size), values };
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /**
   * Appends a line and resolves once it is on disk. On failure the file is
   * unchanged. Calls must not overlap.
   */
  async append(value: unknown): Promise<void> {
    const line = new TextEncoder().encode(`${JSON.stringify(value)}\n`);
    try {
      await this.#file.seek(this.#size, Deno.SeekMode.Start);
      await writeAll(this.#file, line);
      await this.#file.sync();
    } catch (error) {
      await this.#file.truncate(this.#size);
      throw error;
    }
    this.#size += line.length;
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

function parseLines(text: string, path: string): unknown[] {
  return text.split("\n").slice(0, -1).map((line, index) => {
    try {
      return JSON.parse(line);
    } catch (cause) {
      throw new Error(`Line ${index + 1} of ${path} is not JSON.`, { cause });
    }
  });
}
