/**
 * Which requests for manifests are one pull. A client asks for a tag, for the
 * index behind it and for the manifest of its platform, and all of that is one.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import { type Clock, isWithin } from "../../clock.ts";
import type { Did } from "../../did.ts";
import type { Digest } from "../../oci/digest.ts";
import { isManifestMediaType, manifestKind } from "../../oci/media_types.ts";

/** A request for a manifest that was answered. */
export interface ManifestRequest {
  readonly did: Did;
  readonly repo: string;
  /** Undefined when it was asked for by digest. */
  readonly tag: string | undefined;
  readonly digest: Digest;
  readonly mediaType: string;
  /** Whether the manifest is one about another: a signature, an attestation. */
  readonly isReferrer: boolean;
  /** The same for the requests of one pull; undefined when nothing tells them apart from others. */
  readonly client: string | undefined;
}

/** What one client has asked of one repository. */
interface Session {
  /** When it began, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** The tag that was looked up without its manifest, and where it led. */
  head?: { readonly tag: string; readonly digest: Digest };
  counted?: Digest;
  hasIndex?: true;
}

/** A pull lasts no longer than this between tag and manifests, in milliseconds. */
const SESSION_MS = 60_000;
const MAX_SESSIONS = 20_000;

/** Tags by which cosign and clients without the referrers API name what is about an image. */
const ABOUT_IMAGE = /^sha(?:256|512)-[0-9a-f]{64,128}(?:\.[a-z0-9.]+)?$/;

/** Whether a tag names a signature or the like instead of an image. */
export function isTagAboutImage(tag: string): boolean {
  return ABOUT_IMAGE.test(tag);
}

/** Remembers for a minute what clients asked for. */
export class PullSessions {
  readonly #clock: Clock;
  readonly #sessions = new LRUCache<string, Session>({ max: MAX_SESSIONS });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Remembers that a client looked a tag up (HEAD), and will ask for the digest next. */
  looked({ tag, digest, ...request }: ManifestRequest): void {
    if (tag === undefined || isTagAboutImage(tag)) return;
    const session = this.#session(request);
    if (session) session.head = { tag, digest };
  }

  /** Whether a request (GET) is a pull to be counted, and of which tag where that is known. */
  pull(
    request: ManifestRequest,
  ): { readonly tag: string | undefined } | undefined {
    const { tag, digest, mediaType, isReferrer } = request;
    if (isReferrer || tag !== undefined && isTagAboutImage(tag)) {
      return undefined;
    }
    const isIndex = isManifestMediaType(mediaType) &&
      manifestKind(mediaType) === "index";
    const session = this.#session(request);
    if (!session) return tag !== undefined || isIndex ? { tag } : undefined;
    if (session.counted === digest) return undefined;
    const isChild = tag === undefined && !isIndex && session.hasIndex;
    if (isChild) return undefined;
    session.counted = digest;
    if (isIndex) session.hasIndex = true;
    const looked = session.head?.digest === digest
      ? session.head.tag
      : undefined;
    return { tag: tag ?? looked };
  }

  #session(
    { client, did, repo }: Pick<ManifestRequest, "client" | "did" | "repo">,
  ): Session | undefined {
    if (client === undefined) return undefined;
    const key = `${did}/${repo} ${client}`;
    const now = this.#clock.now();
    const known = this.#sessions.get(key);
    if (known && isWithin(known.since, SESSION_MS, now)) return known;
    const session = { since: now };
    this.#sessions.set(key, session);
    return session;
  }
}
