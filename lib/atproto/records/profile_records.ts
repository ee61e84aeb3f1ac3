/**
 * Profiles that people keep for other applications: what this program shows of
 * them.
 *
 * @module
 */

import { z } from "zod";
import { printable } from "../../text.ts";

/** Collections with profiles of people, the one that counts first at the head. */
export const PROFILE_COLLECTIONS = [
  "app.bsky.actor.profile",
  "sh.tangled.actor.profile",
] as const;

/** What a profile says of a person. */
export interface PublicProfile {
  readonly name?: string;
  readonly bio?: string;
}

/** Characters shown of a name and of a biography; the lexicons allow 64 and 256 graphemes. */
const MAX_NAME = 64;
const MAX_BIO = 300;

const text = z.string().max(20_000).optional().catch(undefined);
const profileSchema = z.object({ displayName: text, description: text });

/** Reads a profile of one of {@linkcode PROFILE_COLLECTIONS}; undefined when it is none. */
export function readPublicProfile(value: unknown): PublicProfile | undefined {
  const { data } = profileSchema.safeParse(value);
  if (!data) return undefined;
  const name = cut(data.displayName?.replace(/\s+/g, " "), MAX_NAME);
  const bio = cut(data.description, MAX_BIO);
  return {
    ...(name === undefined ? {} : { name }),
    ...(bio === undefined ? {} : { bio }),
  };
}

/** The first `most` characters, made of whole code points; undefined when nothing is left. */
function cut(text: string | undefined, most: number): string | undefined {
  const clean = printable(text ?? "").trim();
  return [...clean.slice(0, 2 * most)].slice(0, most).join("") || undefined;
}
