/**
 * Writes OCI image layouts: images, indexes and artifacts as files.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname, join } from "node:path";

const INDEX_TYPE = "application/vnd.oci.image.index.v1+json";
export const MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json";
export const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
export const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";

/** A descriptor of the OCI image specification. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly platform?: { readonly os: string; readonly architecture: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A layer: its compressed form, and the digest of the uncompressed one. */
export interface Layer {
  readonly gzip: Uint8Array;
  readonly diffId: string;
}

/** `sha256:` and the hex digest of some bytes. */
export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** An OCI layout that is being written. */
export class Layout {
  readonly folder: string;
  readonly #named: Descriptor[] = [];

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Stores bytes and returns their descriptor. */
  async blob(mediaType: string, bytes: Uint8Array): Promise<Descriptor> {
    const digest = sha256(bytes);
    const path = blobPath(this.folder, digest);
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeFile(path, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** Stores a JSON document and returns its descriptor. */
  json(mediaType: string, document: unknown): Promise<Descriptor> {
    const text = JSON.stringify(document, undefined, 2);
    return this.blob(mediaType, new TextEncoder().encode(text));
  }

  /** Stores an image for Linux on one architecture. */
  async image(
    architecture: string,
    layers: readonly Layer[],
  ): Promise<Descriptor> {
    const platform = { os: "linux", architecture };
    const created = "2026-01-01T00:00:00Z";
    const config = await this.json(CONFIG_TYPE, {
      ...platform,
      created,
      config: { Cmd: ["/bin/true"], Labels: { "org.example.test": "yes" } },
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map((_, i) => ({ created, created_by: `layer ${i}` })),
    });
    const manifest = await this.json(MANIFEST_TYPE, {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config,
      layers: await inOrder(
        layers,
        ({ gzip }) => this.blob(LAYER_TYPE, gzip),
      ),
    });
    return { ...manifest, platform };
  }

  /** Stores an index. */
  index(manifests: readonly Descriptor[]): Promise<Descriptor> {
    return this.json(INDEX_TYPE, {
      schemaVersion: 2,
      mediaType: INDEX_TYPE,
      manifests,
    });
  }

  /** Stores an artifact that refers to `subject`. */
  async referrer(
    subject: Descriptor,
    artifactType: string,
    content: string,
  ): Promise<Descriptor> {
    const { mediaType, digest, size } = subject;
    const manifest = await this.json(MANIFEST_TYPE, {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      artifactType,
      config: await this.blob(EMPTY_TYPE, new TextEncoder().encode("{}")),
      layers: [
        await this.blob(artifactType, new TextEncoder().encode(content)),
      ],
      subject: { mediaType, digest, size },
      annotations: {
        "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
      },
    });
    return { ...manifest, artifactType };
  }

  /** Puts a descriptor under a name into the layout's own index. */
  name(descriptor: Descriptor, name: string): void {
    this.#named.push({
      ...descriptor,
      annotations: { "org.opencontainers.image.ref.name": name },
    });
  }

  /** Writes the two files that make the folder a layout. */
  async finish(): Promise<void> {
    await Deno.writeTextFile(
      join(this.folder, "oci-layout"),
      JSON.stringify({ imageLayoutVersion: "1.0.0" }),
    );
    await Deno.writeTextFile(
      join(this.folder, "index.json"),
      JSON.stringify({ schemaVersion: 2, manifests: this.#named }),
    );
  }
}

/** The file that holds a blob of a layout. */
export function blobPath(folder: string, digest: string): string {
  const [algorithm = "", hex = ""] = digest.split(":");
  return join(folder, "blobs", algorithm, hex);
}

async function inOrder<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
