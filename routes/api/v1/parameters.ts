/**
 * Parameters that operations of the public API share. The messages complete the
 * sentence "The parameter x …".
 *
 * @module
 */

import { z } from "zod";
import type { Did } from "../../../lib/did.ts";
import { parseRepository } from "../../../lib/oci/name.ts";
import { ARTIFACT_KINDS } from "../../../lib/index/cards/artifact_kind.ts";
import type { AccountNames } from "../../../lib/index/catalog/account_names.ts";
import type { RepoRef } from "../../../lib/index/visible.ts";

const LABEL = "[a-z0-9]+(?:-+[a-z0-9]+)*";
const DID =
  `did:plc:[a-z2-7]{24}|did:web:(?:${LABEL}(?:\\.${LABEL})+|(?:localhost|127\\.0\\.0\\.1)(?:(?:%3A|:)[0-9]{1,5})?)`;
const HANDLE =
  "(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\\.)+[a-zA-Z](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const COMPONENT = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
const NAME = `${COMPONENT}(?:/${COMPONENT})*`;

/** A handle or a DID. */
export const account = z.string()
  .max(253, "must have at most 253 characters")
  .regex(
    new RegExp(`^(?:${DID}|${HANDLE})$`),
    "must be a handle or a DID, for example alice.example.com",
  ).meta({ description: "An account: a handle or a DID." });

/** A DID. */
export const did = z.string()
  .max(253, "must have at most 253 characters")
  .regex(new RegExp(`^(?:${DID})$`), "must be a DID")
  .meta({ description: "A DID." });

/** The name of a repository without its owner. */
export const repositoryName = z.string()
  .max(255, "must have at most 255 characters")
  .regex(new RegExp(`^${NAME}$`), "must be the name of a repository, as app")
  .meta({ description: "A repository without its owner." });

/** A repository with its owner. */
export const repository = z.string()
  .max(509, "must have at most 509 characters")
  .regex(
    new RegExp(`^(?:${DID}|${HANDLE})/${NAME}$`),
    "must be a repository with its owner, for example alice.example.com/app",
  ).meta({
    description: "A repository with its owner: `alice.example.com/app`.",
  });

/** Fields of every list. */
export const page = {
  limit: z.int("must be a whole number from 1 to 100")
    .min(1, "must be a whole number from 1 to 100")
    .max(100, "must be a whole number from 1 to 100").default(50)
    .meta({ description: "Entries of the page. It may have fewer." }),
  cursor: z.string().max(4_096, "is none of this list")
    .regex(/^[A-Za-z0-9_-]+$/, "is none of this list").optional()
    .meta({ description: "The `cursor` of the page before." }),
};

/** Fields of lists of repositories. */
export const filters = {
  kind: z.enum(ARTIFACT_KINDS, {
    error: `must be one of ${ARTIFACT_KINDS.join(", ")}`,
  }).optional().meta({ description: "What the newest image is." }),
  platform: z.string().max(64, "must have at most 64 characters").regex(
    /^[a-z0-9]+\/[a-z0-9_]+(?:\/[a-z0-9.]+)?$/,
    "must be os/architecture, for example linux/arm64",
  ).optional().meta({
    description: "A platform of the newest image: `os/architecture`, or with " +
      "a variant as `linux/arm/v7`.",
  }),
};

/** The DID and name of an account of a query, where one is given. */
export async function accountOf(
  names: AccountNames,
  text: string | undefined,
): Promise<Did | undefined> {
  return text === undefined ? undefined : await names.find(text);
}

/** The repository of a query. Throws what {@linkcode AccountNames.find} throws. */
export async function repositoryOf(
  names: AccountNames,
  text: string,
): Promise<RepoRef> {
  const slash = text.indexOf("/");
  const repo = parseRepository(text.slice(slash + 1));
  return { did: await names.find(text.slice(0, slash)), repo };
}
