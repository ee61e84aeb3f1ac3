/**
 * What an image says about itself, in its annotations or the labels of its
 * configuration (image-spec, "Annotations").
 *
 * @module
 */

import type { ImageConfig } from "../../../lib/oci/image_config.ts";
import { foreignText } from "../../../lib/text.ts";

/** What people read about an image. Links are https URLs. */
export interface Notes {
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly licenses?: string | undefined;
  readonly version?: string | undefined;
  readonly source?: string | undefined;
  readonly url?: string | undefined;
  readonly documentation?: string | undefined;
  /** The hold with the layers. */
  readonly hold?: string | undefined;
}

const PREFIX = "org.opencontainers.image.";

/** Reads notes from annotations and labels; the first that has one counts. */
export function notesOf(
  ...sources: readonly (Readonly<Record<string, string>> | undefined)[]
): Notes {
  const text = (name: string) => {
    for (const source of sources) {
      const value = foreignText(source?.[`${PREFIX}${name}`] ?? "");
      if (value !== "") return value;
    }
    return undefined;
  };
  const link = (name: string) => {
    const value = text(name);
    const isWeb = value !== undefined &&
      URL.parse(value)?.protocol === "https:";
    return isWeb ? value : undefined;
  };
  return {
    title: text("title"),
    description: text("description"),
    licenses: text("licenses"),
    version: text("version"),
    source: link("source"),
    url: link("url"),
    documentation: link("documentation"),
  };
}

/** Labels of an image configuration. */
export function labelsOf(
  config: ImageConfig | undefined,
): Readonly<Record<string, string>> | undefined {
  return config?.config?.Labels;
}

/** A Helm chart says in its configuration what others say in annotations. */
export function chartNotes(json: unknown): Record<string, string> {
  if (typeof json !== "object" || json === null) return {};
  const { description, version } = json as Record<string, unknown>;
  return {
    ...(typeof description === "string"
      ? { [`${PREFIX}description`]: description }
      : {}),
    ...(typeof version === "string" ? { [`${PREFIX}version`]: version } : {}),
  };
}
