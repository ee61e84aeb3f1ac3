/**
 * What a manifest is to people, and the commands that fetch it.
 *
 * @module
 */

import type { PullCommand } from "../../../islands/pull_box.tsx";
import {
  type ArtifactKind,
  manifestKindOf,
} from "../../../lib/index/cards/artifact_kind.ts";
import type { Reference } from "../../../lib/oci/name.ts";
import type { ImageSummary } from "../../../lib/registry/browse/image_summary.ts";
import type { Client } from "../frame/frame.ts";

const NAMES: Readonly<Record<ArtifactKind, string>> = {
  image: "Container image",
  helm: "Helm chart",
  wasm: "WebAssembly module",
  model: "Model",
  signature: "Signature",
  attestation: "Attestation",
  sbom: "Bill of materials",
  artifact: "Artifact",
};

/** A kind in words. */
export function kindName(kind: ArtifactKind): string {
  return NAMES[kind];
}

/** The kind of an image or index. */
export function kindOf({ manifest, platforms }: ImageSummary): ArtifactKind {
  return platforms.length > 0 ? "image" : manifestKindOf(manifest);
}

/** Clients for a kind, the usual one first. */
function clientsFor(kind: ArtifactKind): readonly Client[] {
  if (kind === "image") return ["docker", "podman", "skopeo", "crane"];
  return kind === "helm" ? ["helm", "oras"] : ["oras", "skopeo"];
}

/** A name for clients: host, path below it, and the tag or digest. */
export interface PullName {
  readonly host: string;
  /** `owner/repository` as clients write it. */
  readonly image: string;
  readonly reference: Reference;
}

/** The commands that fetch it, one for each client. */
export function pullCommands(
  kind: ArtifactKind,
  { host, image, reference }: PullName,
): PullCommand[] {
  const suffix = reference.kind === "tag"
    ? `:${reference.tag}`
    : `@${reference.digest}`;
  const name = `${image}${suffix}`;
  const last = image.split("/").at(-1) ?? "image";
  return clientsFor(kind).map((client) => {
    switch (client) {
      case "skopeo":
        return {
          client,
          name,
          before: `skopeo copy docker://${host}/`,
          after: ` oci:${last}`,
        };
      case "crane":
        return {
          client,
          name,
          before: `crane pull ${host}/`,
          after: ` ${last}.tar`,
        };
      case "helm":
        // Helm writes the + of a version as _ in the tag.
        return reference.kind === "tag"
          ? {
            client,
            name: image,
            before: `helm pull oci://${host}/`,
            after: ` --version ${reference.tag.replaceAll("_", "+")}`,
          }
          : { client, name, before: `helm pull oci://${host}/`, after: "" };
      default:
        return { client, name, before: `${client} pull ${host}/`, after: "" };
    }
  });
}

/** The whole text of the command for a client, or for the first one. */
export function commandText(
  commands: readonly PullCommand[],
  client: string,
): string {
  const found = commands.find((one) => one.client === client) ?? commands[0];
  return found ? `${found.before}${found.name}${found.after}` : "";
}
