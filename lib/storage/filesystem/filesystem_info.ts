/**
 * What is known of a stored object: its file, and its headers in a file beside
 * it.
 *
 * @module
 */

import { basename, dirname, join } from "node:path";
import { z } from "zod";
import type { ObjectHeaders, ObjectInfo } from "../blob_store.ts";
import { orMissing } from "./filesystem_io.ts";

/** Schema of headers in the driver's files. */
export const headersSchema = z.object({
  contentType: z.string().exactOptional(),
  cacheControl: z.string().exactOptional(),
});

/** Path of the file with an object's headers; no key begins with a dot. */
export function sidecar(path: string): string {
  return join(dirname(path), `.${basename(path)}.headers`);
}

/** Headers of the object at `path`, undefined when it has none. */
export async function readHeaders(
  path: string,
): Promise<ObjectHeaders | undefined> {
  const text = await orMissing(() => Deno.readTextFile(sidecar(path)));
  if (text === undefined) return undefined;
  try {
    return headersSchema.parse(JSON.parse(text));
  } catch {
    // The file is damaged: serve the object without headers; callers that need
    // one see that it is missing.
    return {};
  }
}

/** What is known of the object at `path`, with its headers. */
export async function infoOf(
  path: string,
  stat: Deno.FileInfo,
): Promise<ObjectInfo> {
  return { ...plainInfo(stat), ...headersOf(await readHeaders(path) ?? {}) };
}

/** Headers as parts of what is known of an object. */
export function headersOf(headers: ObjectHeaders) {
  const { contentType, cacheControl } = headers;
  return { contentType, cacheControl };
}

/** What a file says without its headers. The ETag changes with every write, because that creates a new file, but not with a move. */
export function plainInfo(stat: Deno.FileInfo): ObjectInfo {
  const modifiedAt = stat.mtime?.getTime() ?? 0;
  const etag = [stat.size, modifiedAt, stat.ino ?? 0]
    .map((number) => number.toString(16)).join("-");
  return {
    size: stat.size,
    etag,
    modifiedAt,
    contentType: undefined,
    cacheControl: undefined,
  };
}
