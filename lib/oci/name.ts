/**
 * Image names and references.
 *
 * An image name is `<owner>/<repository>`. The owner is a handle, a plain DID
 * (`did:plc:…`, over HTTP only) or a DID in the spelling that fits the name
 * grammar of docker and similar clients:
 *
 * | DID | spelling |
 * |---|---|
 * | `did:plc:ewvi7nxzyoun6zhxrhs64oiz` | `did-plc-ewvi7nxzyoun6zhxrhs64oiz` |
 * | `did:web:hold-1.example.com` | `did-web-hold-1_example_com` |
 * | `did:web:localhost%3A5000` | `did-web-localhost__5000` |
 *
 * A spelling has no dot and a handle always has one, so they are never
 * ambiguous, and every DID has exactly one spelling.
 *
 * @module
 */

import { isValidHandle } from "@atproto/syntax";
import { type Did, parseDid } from "../did.ts";
import { AppError } from "../errors.ts";
import { type Digest, parseDigest } from "./digest.ts";
import { quote } from "../text.ts";

/** The owner in an image name. */
export type Owner =
  | { readonly kind: "handle"; readonly value: string }
  | { readonly kind: "did"; readonly value: Did };

/** A checked image name. */
export interface ImageName {
  readonly owner: Owner;
  /** Path below the owner, for example `app` or `team/app`. */
  readonly repository: string;
}

/** A tag or digest after an image name. */
export type Reference =
  | { readonly kind: "tag"; readonly tag: string }
  | { readonly kind: "digest"; readonly digest: Digest };

/** Maximum characters of a name, including the owner; the limit of clients. */
const MAX_NAME_LENGTH = 255;

const COMPONENT = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

const LABEL = "[a-z0-9]+(?:-+[a-z0-9]+)*";
const RAW_PLC = /^did:plc:([a-z0-9]+)$/;
// The port's colon is %3A, or bare when a path was decoded twice.
const RAW_WEB = new RegExp(
  `^did:web:(${LABEL}(?:\\.${LABEL})*)(?:(?:%3[Aa]|:)([0-9]{1,5}))?$`,
);
const SAFE_PLC = /^did-plc-([a-z0-9]+)$/;
const SAFE_WEB = new RegExp(
  `^did-web-(${LABEL}(?:_${LABEL})*)(?:__([0-9]{1,5}))?$`,
);

/**
 * Parses `<owner>/<repository>`. Handles are lower-cased; DIDs are returned in
 * plain form for either spelling.
 *
 * Throws AppError `NAME_INVALID` with a sentence that names the wrong part.
 */
export function parseImageName(name: string): ImageName {
  if (name.length > MAX_NAME_LENGTH) {
    throw invalid(
      `The name ${quote(name)} has ${name.length} characters; ` +
        `at most ${MAX_NAME_LENGTH} are possible.`,
    );
  }
  const slash = name.indexOf("/");
  if (slash < 0) {
    throw invalid(
      `The name ${quote(name)} has no repository; ` +
        "write <handle or DID>/<repository>, for example alice.example.com/app.",
    );
  }
  return {
    owner: parseOwner(name.slice(0, slash)),
    repository: parseRepository(name.slice(slash + 1)),
  };
}

/**
 * Parses the first component of an image name.
 *
 * Throws AppError `NAME_INVALID` when it is neither a handle nor a DID.
 */
export function parseOwner(text: string): Owner {
  const did = ownerDid(text);
  if (did !== undefined) return { kind: "did", value: did };
  // Checked before lower-casing: some non-ASCII letters become ASCII.
  if (isValidHandle(text)) return { kind: "handle", value: text.toLowerCase() };
  throw invalid(
    `${quote(text)} is neither a handle nor a DID; image names begin with ` +
      "their owner, for example alice.example.com/app.",
  );
}

/**
 * Validates the path below the owner (distribution-spec, `<name>`): components
 * of lower-case letters and digits with `.`, `_`, `__` or dashes between them.
 *
 * Throws AppError `NAME_INVALID`.
 */
export function parseRepository(text: string): string {
  for (const component of text.split("/")) {
    if (!COMPONENT.test(component)) {
      throw invalid(
        `The part ${quote(component)} of the repository ${quote(text)} is ` +
          "invalid; use lower-case letters and digits, separated by single " +
          "dots, underscores or dashes.",
      );
    }
  }
  return text;
}

/** Whether `text` is the repository of an image name; see {@linkcode parseRepository}. */
export function isRepository(text: string): boolean {
  return text.length <= MAX_NAME_LENGTH &&
    text.split("/").every((component) => COMPONENT.test(component));
}

/** Parses a DID in plain or docker-safe spelling; returns the plain form. */
function ownerDid(text: string): Did | undefined {
  const plc = RAW_PLC.exec(text) ?? SAFE_PLC.exec(text);
  if (plc !== null) return checkedDid(`did:plc:${plc[1]}`);
  const web = RAW_WEB.exec(text) ?? SAFE_WEB.exec(text);
  if (web === null) return undefined;
  const [, host = "", port] = web;
  const suffix = port === undefined ? "" : `%3A${port}`;
  return checkedDid(`did:web:${host.replaceAll("_", ".")}${suffix}`);
}

function checkedDid(did: Did): Did | undefined {
  return parseDid(did) === did ? did : undefined;
}

/**
 * Returns the DID in the spelling for image names; {@linkcode parseOwner}
 * reverses it.
 *
 * Throws AppError `NAME_INVALID` for a DID that is neither did:plc nor the
 * did:web of a host.
 */
function dockerSafeDid(did: Did): string {
  if (ownerDid(did) !== did) {
    throw invalid(
      `The DID ${
        quote(did)
      } cannot own images; use did:plc or did:web of a host.`,
    );
  }
  return did.replaceAll(":", "-").replaceAll(".", "_").replace("%3A", "__");
}

/** Formats the name for clients; {@linkcode parseImageName} reverses it. */
export function formatImageName(name: ImageName): string {
  const { owner, repository } = name;
  const first = owner.kind === "did" ? dockerSafeDid(owner.value) : owner.value;
  return `${first}/${repository}`;
}

/** Whether `text` is a tag (distribution-spec, "Pulling manifests"). */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * Parses a tag or digest; text with a colon is a digest.
 *
 * Throws AppError `DIGEST_INVALID`, or `MANIFEST_INVALID` for a bad tag.
 */
export function parseReference(text: string): Reference {
  if (text.includes(":")) return { kind: "digest", digest: parseDigest(text) };
  if (isTag(text)) return { kind: "tag", tag: text };
  throw new AppError(
    "MANIFEST_INVALID",
    `The tag ${quote(text)} is invalid; use up to 128 letters, digits, ` +
      "dots, underscores and dashes, the first neither dot nor dash.",
  );
}

function invalid(message: string): AppError {
  return new AppError("NAME_INVALID", message);
}
