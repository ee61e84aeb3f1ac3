/**
 * Compares pictures of test suites of other projects with what sharp makes of
 * them, for example of checkouts of libjpeg-turbo, libavif and Pillow:
 *
 *   deno task avatar:corpus FOLDER …
 *
 * Prints a line for each file on which the two differ, then the counts of each
 * folder. Files are taken by their suffix; pointers of Git LFS are left out and
 * counted.
 *
 * @module
 */

import { extname, join, relative } from "node:path";
import { AppError } from "../../lib/errors.ts";
import { DEFAULT_LIMITS } from "../../lib/avatar/image/image_limits.ts";
import { render, type Rendered } from "../../lib/avatar/image/render.ts";
import { sharp } from "./oracle.ts";
import { say } from "./say.ts";

const SUFFIXES = [
  ".jpg",
  ".jpeg",
  ".jfif",
  ".png",
  ".apng",
  ".gif",
  ".webp",
  ".avif",
  ".avifs",
];
const POINTER = new TextEncoder().encode(
  "version https://git-lfs.github.com/spec/",
);
/** Pixels on the longer side of the compared pictures. */
const SIDE = 128;
/** From this signal-to-noise ratio on, two pictures are alike: 28 dB. */
const ALIKE = 28;

/** What the two made of a file. */
type Verdict =
  | { readonly kind: "alike" | "both refuse" | "pointer" }
  | {
    readonly kind: "only sharp" | "only ours" | "other size" | "other pixels";
    readonly detail: string;
  };

async function* filesIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = join(folder, name);
    if (isDirectory) yield* filesIn(path);
    else if (SUFFIXES.includes(extname(name).toLowerCase())) yield path;
  }
}

const startsWith = (bytes: Uint8Array, mark: Uint8Array) =>
  mark.every((byte, i) => bytes[i] === byte);

async function judge(bytes: Uint8Array): Promise<Verdict> {
  if (startsWith(bytes, POINTER)) return { kind: "pointer" };
  const ours = await outcome(() => oursOf(bytes));
  const theirs = await outcome(() => sharpsOf(bytes));
  if ("refusal" in ours) {
    return "refusal" in theirs
      ? { kind: "both refuse" }
      : { kind: "only sharp", detail: ours.refusal };
  }
  if ("refusal" in theirs) return { kind: "only ours", detail: theirs.refusal };
  return compare(ours.value, theirs.value);
}

type Outcome<T> = { readonly value: T } | { readonly refusal: string };

async function outcome<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : new Error("");
    // Anything else from our side is a defect.
    const kind = error instanceof AppError ? error.code : "error";
    const reason = cause instanceof Error ? ` (${cause.message})` : "";
    return { refusal: `${kind}: ${message}${reason}`.replaceAll("\n", " ") };
  }
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgba: Uint8Array;
}

async function oursOf(bytes: Uint8Array): Promise<Picture> {
  const { bytes: png, width, height }: Rendered = await render(bytes, {
    width: SIDE,
    height: SIDE,
    fit: "inside",
    density: 1,
    enlarge: false,
    format: "png",
    quality: 85,
  }, DEFAULT_LIMITS);
  return {
    width,
    height,
    rgba: await sharp(png).ensureAlpha().raw().toBuffer(),
  };
}

async function sharpsOf(bytes: Uint8Array): Promise<Picture> {
  const { data, info } = await sharp(bytes, { failOn: "none" })
    .autoOrient()
    .resize(SIDE, SIDE, { fit: "inside", withoutEnlargement: true })
    .toColourspace("srgb")
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, rgba: data };
}

function compare(ours: Picture, theirs: Picture): Verdict {
  const sizes =
    `${ours.width}x${ours.height}, sharp ${theirs.width}x${theirs.height}`;
  if (ours.width !== theirs.width || ours.height !== theirs.height) {
    return { kind: "other size", detail: sizes };
  }
  const likeness = ratio(ours.rgba, theirs.rgba);
  return likeness >= ALIKE
    ? { kind: "alike" }
    : { kind: "other pixels", detail: `${likeness.toFixed(1)} dB, ${sizes}` };
}

/** Signal-to-noise ratio in dB of colours times alpha, and of alpha. */
function ratio(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let p = 0; p < a.length; p += 4) {
    const [one = 0, two = 0] = [a[p + 3], b[p + 3]];
    sum += (one - two) ** 2;
    for (let c = p; c < p + 3; c++) {
      sum += (((a[c] ?? 0) * one - (b[c] ?? 0) * two) / 255) ** 2;
    }
  }
  return 10 * Math.log10(255 ** 2 / (sum / a.length));
}

if (Deno.args.length === 0) {
  say("deno task avatar:corpus FOLDER …");
  Deno.exit(2);
}
for (const folder of Deno.args) {
  const counts: Record<string, number> = {};
  for (const path of (await Array.fromAsync(filesIn(folder))).toSorted()) {
    const verdict = await judge(await Deno.readFile(path));
    counts[verdict.kind] = (counts[verdict.kind] ?? 0) + 1;
    if (!("detail" in verdict)) continue;
    say(`${verdict.kind}\t${relative(folder, path)}\t${verdict.detail}`);
  }
  say(`${folder}: ${JSON.stringify(counts)}`);
}
