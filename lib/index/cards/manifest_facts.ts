/**
 * Facts of a manifest, from its bytes or from its record. What is kept is
 * bounded, whatever the manifest says.
 *
 * @module
 */

import type { Digest } from "../../oci/digest.ts";
import { OCI_INDEX } from "../../oci/media_types.ts";
import { foreignText } from "../../text.ts";
import { manifestKindOf } from "./artifact_kind.ts";
import type {
  ChildRow,
  ContentRow,
  FactsRow,
  ImageRow,
  NotesRow,
} from "./rows.ts";

/** Smaller layers are shared by chance. */
const LAYER_BYTES = 1_000_000;

/** Most layers of a manifest that are compared with those of others. */
const MAX_LAYERS = 4;

/** Most children of an index that are kept; images have a dozen platforms at most. */
const MAX_CHILDREN = 32;

/** Most platforms on a card. */
const MAX_PLATFORMS = 12;

const MAX_LINE = 300;
const MAX_NAME = 100;

/** A descriptor, as far as facts need it. */
interface Part {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** A manifest, as far as facts need it; what the bytes and the record both give. */
export interface ManifestContents {
  readonly mediaType: string;
  readonly artifactType?: string | undefined;
  readonly config?: Part | undefined;
  readonly layers: readonly Part[];
  readonly manifests: readonly (Part & {
    readonly platform?: {
      readonly os: string;
      readonly architecture: string;
      readonly variant?: string | undefined;
    } | undefined;
  })[];
  readonly subject?: Pick<Part, "digest"> | undefined;
  readonly annotations: Readonly<Record<string, unknown>>;
}

/** What is kept of a manifest. */
export function contentRow(manifest: ManifestContents): ContentRow {
  const { mediaType, config, layers, manifests, subject } = manifest;
  const children = manifests.slice(0, MAX_CHILDREN).map(childRow);
  const isIndex = manifests.length > 0 || mediaType === OCI_INDEX;
  const shared = layers.filter(({ size }) => size >= LAYER_BYTES)
    .toSorted((a, b) => b.size - a.size).slice(0, MAX_LAYERS);
  const notes = notesRow(manifest.annotations);
  const isImage = children.some(({ platform }) => platform !== undefined);
  return {
    mediaType,
    kind: isImage ? "image" : manifestKindOf(manifest),
    ...(isIndex
      ? { children }
      : { size: layers.reduce(addSize, config?.size ?? 0) }),
    ...(shared.length > 0
      ? { layers: [...new Set(shared.map(({ digest }) => digest))] }
      : {}),
    ...(subject ? { subject: subject.digest } : {}),
    ...(notes ? { notes } : {}),
  };
}

/** What a card shows of a manifest. */
export function imageRow(facts: FactsRow): ImageRow {
  const { kind, mediaType, holdDid, size, notes, children = [] } = facts;
  const platforms = new Set(children.flatMap((child) => child.platform ?? []));
  return {
    kind,
    mediaType,
    holdDid,
    ...(size === undefined ? {} : { size }),
    ...(platforms.size > 0
      ? { platforms: [...platforms].slice(0, MAX_PLATFORMS) }
      : {}),
    ...(notes ? { notes } : {}),
  };
}

function childRow(
  { digest, platform }: ManifestContents["manifests"][number],
): ChildRow {
  const parts = [platform?.os, platform?.architecture, platform?.variant]
    .flatMap((part) => part ? [lineOf(part, 32)] : []);
  // BuildKit gives attestations the platform unknown/unknown.
  const isKnown = parts.length > 1 && !parts.includes("unknown");
  return { digest, ...(isKnown ? { platform: parts.join("/") } : {}) };
}

/** Adds sizes of an untrusted manifest: a sum that no number holds stays where it is. */
function addSize(sum: number, { size }: Part): number {
  return Math.min(sum + size, Number.MAX_SAFE_INTEGER);
}

const PREFIX = "org.opencontainers.image.";

function notesRow(
  annotations: ManifestContents["annotations"],
): NotesRow | undefined {
  const note = (name: string, length: number) => {
    const value = annotations[`${PREFIX}${name}`];
    return typeof value === "string" ? lineOf(value, length) : "";
  };
  const source = note("source", MAX_LINE);
  const found = {
    title: note("title", MAX_NAME),
    description: note("description", MAX_LINE),
    licenses: note("licenses", MAX_NAME),
    source: URL.parse(source)?.protocol === "https:" ? source : "",
    version: note("version", MAX_NAME),
  };
  const some = Object.entries(found).filter(([, text]) => text !== "");
  return some.length > 0 ? Object.fromEntries(some) : undefined;
}

/** Outside text as one line of at most `length` characters. */
function lineOf(text: string, length: number): string {
  return foreignText(text).slice(0, length).toWellFormed().trim();
}
