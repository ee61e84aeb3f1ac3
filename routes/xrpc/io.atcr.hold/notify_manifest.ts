/**
 * `io.atcr.hold.notifyManifest`.
 *
 * @module
 */

import type { Input } from "../../../lib/atproto/lexicon/methods.ts";
import type { HoldNotify } from "../../../lib/hold/pushes/notify.ts";
import type { HoldStats } from "../../../lib/hold/stats.ts";
import type {
  EventDescriptor,
  PushEvent,
} from "../../../lib/hold_api/push_event.ts";
import { isDigest } from "../../../lib/oci/digest.ts";
import { isTag, parseRepository } from "../../../lib/oci/name.ts";
import { anyCaller, requireAllowed, type RightsDeps } from "../callers.ts";
import { method } from "../mount.ts";
import { didOf, refuse, requireAtMost } from "../refusals.ts";

const NSID = "io.atcr.hold.notifyManifest";

/** Media type of an entry that names none. */
const OCTETS = "application/octet-stream";

/** Maximum layers or children of one manifest: as many as fit into 4 MiB. */
const MAX_ENTRIES = 50_000;

/** Records a push of the caller, or counts a pull of any reader. */
export function notifyManifest(
  deps: RightsDeps & { notify: HoldNotify; stats: HoldStats },
) {
  return method(NSID, {
    authorize: anyCaller(deps),
    upgrade: upgraded,
    async handle({ caller, input }) {
      const event = eventOf(input);
      if (input.operation === "pull") {
        // Pulls are reported by the puller, so the token is not the owner's.
        requireAllowed(await deps.access.read(caller));
        const statsUpdated = await deps.stats.get(event) !== undefined;
        if (statsUpdated) deps.notify.pull(event);
        return { success: true, operation: "pull", statsUpdated };
      }
      if (input.operation !== "push") {
        refuse("The operation is push or pull.", "InvalidOperation");
      }
      const { postUri, ...outcome } = await deps.notify.push(caller, event);
      return {
        success: true,
        operation: "push",
        ...outcome,
        postCreated: postUri !== undefined,
        ...(postUri === undefined ? {} : { postUri }),
      };
    },
  });
}

/**
 * Converts the input of other registries to the form of the document: Go writes
 * null for what is absent, and early ones omit the digest (empty here), and
 * prefix the repository with the owner's handle.
 */
function upgraded(given: unknown): unknown {
  const input = withoutNulls(given);
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return input;
  }
  const isNil = "manifest" in Object(given) && !("manifest" in input);
  const early: { repository?: unknown; userHandle?: unknown } = input;
  const { repository, userHandle, ...rest } = early;
  if (userHandle !== undefined && typeof userHandle !== "string") {
    refuse("The field userHandle must be a string.");
  }
  const prefix = `${userHandle ?? ""}/`;
  const hasPrefix = prefix !== "/" && typeof repository === "string" &&
    repository.startsWith(prefix);
  return {
    manifestDigest: "",
    ...(isNil ? { manifest: {} } : {}),
    ...rest,
    ...(repository === undefined ? {} : {
      repository: hasPrefix ? repository.slice(prefix.length) : repository,
    }),
  };
}

/** Nesting of the document: input, manifest, list, entry, platform. */
const MAX_DEPTH = 5;

/** The input without members that are null, and without entries that are. */
function withoutNulls(value: unknown, depth = 0): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return value;
  if (Array.isArray(value)) {
    return value.filter((one) => one !== null)
      .map((one) => withoutNulls(one, depth + 1));
  }
  return Object.fromEntries(
    Object.entries(value).filter(([, one]) => one !== null)
      .map(([name, one]) => [name, withoutNulls(one, depth + 1)]),
  );
}

/** Converts the input to the hold's event. Throws AppError `NAME_INVALID` or `INVALID_REQUEST`. */
function eventOf(input: Input<typeof NSID>): PushEvent {
  const { userDid, repository, manifestDigest, tag, manifest } = input;
  if (manifestDigest !== "" && !isDigest(manifestDigest)) {
    refuse("The field manifestDigest must be a digest such as sha256:….");
  }
  // Some registries send an empty tag with untagged pushes.
  if (tag && !isTag(tag)) refuse("The field tag must be a tag.");
  const { mediaType = "", config, layers = [], manifests } = manifest;
  requireAtMost(MAX_ENTRIES, layers, "manifest/layers");
  requireAtMost(MAX_ENTRIES, manifests, "manifest/manifests");
  return {
    owner: didOf(userDid),
    repository: parseRepository(repository),
    digest: manifestDigest === "" ? undefined : manifestDigest,
    tag: tag === "" ? undefined : tag,
    manifest: {
      mediaType,
      config: config && described(config),
      layers: layers.map(described),
      manifests: manifests?.map((child) => ({
        ...described(child),
        platform: child.platform && {
          os: child.platform.os || "unknown",
          architecture: child.platform.architecture || "unknown",
        },
      })),
    },
  };
}

/** A descriptor with what the document lets a registry omit. */
function described(
  given: { digest?: string; size?: number; mediaType?: string },
): EventDescriptor & { mediaType: string } {
  const { digest = "", size = 0, mediaType } = given;
  return { digest, size, mediaType: mediaType || OCTETS };
}
