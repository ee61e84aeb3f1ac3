/**
 * The images that the clients push and pull, as OCI layouts. Their content is
 * the same on every machine.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { createCipheriv } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { run } from "../tools/command.ts";
import { TOOLS_DIR } from "../tools/paths.ts";
import { type Descriptor, type Layer, Layout, sha256 } from "./layout.ts";

/** A layout on the disk, with the descriptors of what is in it. */
export interface TestImage {
  readonly folder: string;
  /** The image or index that has the name `1`. */
  readonly top: Descriptor;
  /** Referrers, each with the digest of its subject. */
  readonly referrers: readonly {
    readonly subject: string;
    readonly descriptor: Descriptor;
  }[];
  /**
   * Indexes of the referrers, for registries without a referrers API: each goes
   * under the tag that is made of its subject's digest.
   */
  readonly referrerIndexes: readonly {
    readonly subject: string;
    readonly descriptor: Descriptor;
  }[];
}

/** All test images. */
export interface TestImages {
  /** One layer of 2 MB. */
  readonly tiny: TestImage;
  /** Five layers of 42 MB, half noise and half text: 210 MB. */
  readonly big: TestImage;
  /** An index of two platforms; the index and one image have referrers. */
  readonly multi: TestImage;
}

export const SBOM_TYPE = "application/vnd.example.sbom.v1+json";
const SIGNATURE_TYPE = "application/vnd.example.signature.v1+json";

/** Changes whenever the content below does. */
const REVISION = "2";
const MB = 1_048_576;

/** Builds the images, or takes those of an earlier run. */
export async function testImages(): Promise<TestImages> {
  const root = join(TOOLS_DIR, "images");
  const record = join(root, "images.json");
  const kept = await Deno.readTextFile(record).catch(() => undefined);
  if (kept !== undefined) {
    const { revision, images } = JSON.parse(kept);
    if (revision === REVISION) return at(root, images);
    await Deno.remove(root, { recursive: true });
  }
  await Deno.mkdir(root, { recursive: true });
  const images = {
    tiny: await tiny(join(root, "tiny")),
    big: await big(join(root, "big")),
    multi: await multi(join(root, "multi")),
  };
  await Deno.writeTextFile(
    record,
    JSON.stringify({ revision: REVISION, images }),
  );
  return images;
}

/** The images in the folders below `root`; the record may be that of another checkout. */
function at(root: string, { tiny, big, multi }: TestImages): TestImages {
  return {
    tiny: { ...tiny, folder: join(root, "tiny") },
    big: { ...big, folder: join(root, "big") },
    multi: { ...multi, folder: join(root, "multi") },
  };
}

async function tiny(folder: string): Promise<TestImage> {
  const layout = new Layout(folder);
  const top = await layout.image("amd64", [await layer(1, 1, 1)]);
  layout.name(top, "1");
  await layout.finish();
  return { folder, top, referrers: [], referrerIndexes: [] };
}

async function big(folder: string): Promise<TestImage> {
  const layout = new Layout(folder);
  const layers: Layer[] = [];
  for (let key = 10; key < 15; key++) layers.push(await layer(key, 21, 21));
  const top = await layout.image("amd64", layers);
  layout.name(top, "1");
  await layout.finish();
  return { folder, top, referrers: [], referrerIndexes: [] };
}

async function multi(folder: string): Promise<TestImage> {
  const layout = new Layout(folder);
  const amd64 = await layout.image("amd64", [await layer(20, 1, 1)]);
  const arm64 = await layout.image("arm64", [await layer(21, 1, 1)]);
  const top = await layout.index([amd64, arm64]);
  layout.name(top, "1");
  const referrers = [
    { subject: top, type: SBOM_TYPE, text: '{"sbom":"index"}' },
    { subject: top, type: SIGNATURE_TYPE, text: '{"signature":"index"}' },
    { subject: amd64, type: SBOM_TYPE, text: '{"sbom":"amd64"}' },
  ];
  const made = [];
  for (const { subject, type, text } of referrers) {
    const descriptor = await layout.referrer(subject, type, text);
    made.push({ subject: subject.digest, descriptor });
  }
  const referrerIndexes = [];
  for (const subject of [top.digest, amd64.digest]) {
    const list = made.filter((referrer) => referrer.subject === subject);
    const descriptor = await layout.index(
      list.map((referrer) => referrer.descriptor),
    );
    referrerIndexes.push({ subject, descriptor });
  }
  await layout.finish();
  return { folder, top, referrers: made, referrerIndexes };
}

/** A layer with a file of noise and one of text, in megabytes each. */
async function layer(key: number, noise: number, text: number): Promise<Layer> {
  const work = await Deno.makeTempDir();
  try {
    const folder = join(work, `layer${key}`);
    await Deno.mkdir(folder);
    await Deno.writeFile(join(folder, "noise.bin"), keyStream(key, noise * MB));
    await Deno.writeFile(join(folder, "text.txt"), sentences(key, text * MB));
    const tar = join(work, "layer.tar");
    await run("tar", [
      "--sort=name",
      "--owner=0",
      "--group=0",
      "--numeric-owner",
      "--mode=u=rwX,go=rX",
      "--mtime=@1700000000",
      "--format=ustar",
      "-cf",
      tar,
      "-C",
      work,
      `layer${key}`,
    ]);
    const bytes = await Deno.readFile(tar);
    return { gzip: gzipSync(bytes, { level: 6 }), diffId: sha256(bytes) };
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}

/** Bytes that do not compress: the AES-CTR key stream of a small key. */
export function keyStream(key: number, bytes: number): Uint8Array {
  const secret = Buffer.alloc(16);
  secret.writeUInt32BE(key, 12);
  return createCipheriv("aes-128-ctr", secret, Buffer.alloc(16))
    .update(Buffer.alloc(bytes));
}

/** Text that compresses about as well as a program does. */
function sentences(seed: number, bytes: number): Uint8Array {
  const numbers = new DataView(keyStream(seed + 1000, MB).buffer);
  const lines: string[] = [];
  for (let length = 0, i = 0; length < bytes; i++) {
    const at = (i * 8) % (MB - 8);
    const line =
      `line ${i} ${numbers.getUint32(at)} the quick brown fox jumps ` +
      `over the lazy dog ${numbers.getUint32(at + 4) % 100}\n`;
    lines.push(line);
    length += line.length;
  }
  return new TextEncoder().encode(lines.join("")).subarray(0, bytes);
}
