/**
 * `io.atcr.sailor.star` records: written in today's form, read in both.
 *
 * @module
 */

import { AtUri } from "@atproto/syntax";
import { z } from "zod";
import { type Did, didSchema, parseDid } from "../../did.ts";
import { parseRepository } from "../../oci/name.ts";
import { OWNER_COLLECTIONS } from "./collections.ts";
import { pageRkey } from "./rkeys.ts";

/** A star for a repository. */
export interface StarRecord {
  readonly did: Did;
  readonly repo: string;
  /** Milliseconds since the Unix epoch; undefined when the record has no date. */
  readonly createdAt: number | undefined;
}

/** The lexicon allows as many characters for the name. */
const MAX_NAME = 255;

const starSchema = z.object({
  subject: z.union([
    z.string().max(2_048),
    z.object({ did: didSchema, repository: z.string().max(MAX_NAME) }),
  ]),
  createdAt: z.string().max(64).optional().catch(undefined),
});

/** Reads a star; undefined when it is none, or not one for a repository. */
export function readStar(value: unknown): StarRecord | undefined {
  const { data } = starSchema.safeParse(value);
  if (!data) return undefined;
  const subject = typeof data.subject === "string"
    ? repositoryOfPage(data.subject)
    : { did: data.subject.did, repo: data.subject.repository };
  if (!subject || !isRepository(subject.repo)) return undefined;
  const createdAt = Date.parse(data.createdAt ?? "");
  return {
    ...subject,
    createdAt: Number.isNaN(createdAt) ? undefined : createdAt,
  };
}

/** A star that points at the page of the repository, which need not exist. */
export function writeStar(
  { did, repo, createdAt }: StarRecord & { readonly createdAt: number },
): Record<string, unknown> {
  return {
    $type: OWNER_COLLECTIONS.star,
    subject: `at://${did}/${OWNER_COLLECTIONS.page}/${pageRkey(repo)}`,
    createdAt: new Date(createdAt).toISOString(),
  };
}

/** The repository behind the AT-URI of its page. */
function repositoryOfPage(
  uri: string,
): { did: Did; repo: string } | undefined {
  try {
    const { hostname, collection, rkey } = new AtUri(uri);
    const did = parseDid(hostname);
    if (!did || collection !== OWNER_COLLECTIONS.page) return undefined;
    return { did, repo: rkey.replaceAll("~", "/") };
  } catch {
    return undefined;
  }
}

function isRepository(name: string): boolean {
  if (name.length > MAX_NAME) return false;
  try {
    parseRepository(name);
    return true;
  } catch {
    return false;
  }
}
