/**
 * Parts of an upload as files of its folder. The name says all about a part:
 * `<number>.<offset or "own">.<size>.<etag>`. The file of a part that was
 * written at its offset into `data` is empty; an `own` one holds the bytes.
 *
 * @module
 */

import { join } from "node:path";
import type { Part } from "../blob_store.ts";
import { readBody, writeBody } from "./filesystem_io.ts";
import { overlappingPart } from "../part_list.ts";

const PART_FILE = /^(\d{1,5})\.(own|\d{1,16})\.(\d{1,16})\.([0-9a-f]{16})$/;

/** A part that is there. */
export interface StoredPart extends Part {
  /** Place in `data`; undefined for a part with a file of its own. */
  readonly offset: number | undefined;
  /** Path of the part's file. */
  readonly path: string;
}

/** Name of a part's file; without `offset` for a part with a file of its own. */
export function partFileName(part: Part, offset: number | undefined): string {
  return `${part.partNumber}.${offset ?? "own"}.${part.size}.${part.etag}`;
}

/** The parts in an upload's folder, in rising order. */
export async function readParts(folder: string): Promise<StoredPart[]> {
  const parts: StoredPart[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const [, number, place, size, etag] = PART_FILE.exec(name) ?? [];
    if (etag === undefined) continue;
    parts.push({
      partNumber: Number(number),
      offset: place === "own" ? undefined : Number(place),
      size: Number(size),
      etag,
      path: join(folder, name),
    });
  }
  return parts.sort((a, b) => a.partNumber - b.partNumber);
}

/** Refuses to write past the beginning of the next part behind `offset`. */
export function guard(
  partNumber: number,
  offset: number,
  others: readonly StoredPart[],
): (end: number) => void {
  let next: { partNumber: number; offset: number } | undefined;
  for (const { partNumber, offset: start, size } of others) {
    if (start === undefined || start + size <= offset) continue;
    if (start < (next?.offset ?? Infinity)) {
      next = { partNumber, offset: start };
    }
  }
  return (end) => {
    if (next === undefined || end <= next.offset) return;
    throw overlappingPart(partNumber, next.partNumber);
  };
}

/** Copies a part with a file of its own into the file at `data`. */
export async function copyInto(
  data: string,
  offset: number,
  part: StoredPart,
): Promise<void> {
  const file = await Deno.open(part.path);
  const body = await readBody(file, { start: 0, length: part.size });
  await writeBody(data, body, { offset });
}

/** Removes the files of parts. */
export async function removeAll(parts: readonly StoredPart[]): Promise<void> {
  for (const part of parts) await Deno.remove(part.path);
}
