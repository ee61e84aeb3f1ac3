/**
 * Lists of the OCI API: tags (end-8), referrers (end-12), the catalog, and
 * the extensions of the distribution spec.
 *
 * @module
 */

import { inParallel } from "../../lib/async/in_parallel.ts";
import type { Did } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import type { Descriptor } from "../../lib/oci/descriptor.ts";
import { type Digest, isDigest } from "../../lib/oci/digest.ts";
import { formatNextLink } from "../../lib/oci/link.ts";
import { type PageRequest, pageSize } from "../../lib/oci/lists.ts";
import {
  formatImageName,
  type Owner,
  parseImageName,
} from "../../lib/oci/name.ts";
import { OCI_INDEX } from "../../lib/oci/media_types.ts";
import { referrersIndex } from "../../lib/oci/referrers.ts";
import type { RepoRef } from "../../lib/registry/manifests/manifest_index.ts";
import { PAGE } from "../../lib/registry/lists/lists.ts";
import { json, warning } from "./answers.ts";
import { catalogReader, readerOf } from "./caller.ts";
import type { RepositoryRequest, V2Deps, V2Request } from "./deps.ts";

/**
 * Concurrent lookups of owners' handles, and how long a catalog waits for all
 * of them, in milliseconds.
 */
const PARALLEL_NAMES = 16;
const NAMES_MS = 2_000;

/** Lists tags. */
export async function listTags(
  deps: V2Deps,
  r: RepositoryRequest,
  page: PageRequest,
): Promise<Response> {
  const { items, next, doubt } = await deps.lists.tags(r.owner, r.repo, {
    caller: readerOf(r.claims, r.owner, r.repo),
    n: pageSize(page, PAGE.tags),
    admit: r.admit,
    ...(page.last === undefined ? {} : { last: page.last }),
  });
  const name = r.base.slice("/v2/".length);
  return json({ name, tags: items }, {
    "cache-control": "no-cache",
    ...warning(doubt),
    ...nextLink(`${r.base}/tags/list`, [["n", page.n], ["last", next]], next),
  });
}

/** Lists the referrers of a manifest; an unknown one has none. */
export async function listReferrers(
  deps: V2Deps,
  r: RepositoryRequest,
  subject: Digest,
  options: { artifactTypes: readonly string[]; page: PageRequest },
): Promise<Response> {
  const { artifactTypes, page } = options;
  const last = page.last !== undefined && isDigest(page.last)
    ? { last: page.last }
    : {};
  const { items, next, doubt } = await deps.lists.referrers(
    r.owner,
    r.repo,
    subject,
    {
      caller: readerOf(r.claims, r.owner, r.repo),
      artifactTypes,
      admit: r.admit,
      ...last,
      ...(page.n === undefined ? {} : { n: page.n }),
    },
  );
  const filters = artifactTypes.map((type) => ["artifactType", type] as const);
  const link = nextLink(`${r.base}/referrers/${subject}`, [
    ...filters,
    ["n", page.n],
    ["last", next],
  ], next);
  return referrersPage(items, artifactTypes, { ...warning(doubt), ...link });
}

/** One page of a list filtered by `artifactTypes`, if any; `more` are further headers. */
export function referrersPage(
  items: readonly Descriptor[],
  artifactTypes: readonly string[],
  more: Record<string, string> = {},
): Response {
  const narrowed = artifactTypes.length > 0;
  return json(referrersIndex(items), {
    "content-type": OCI_INDEX,
    "cache-control": "no-cache",
    ...(narrowed ? { "oci-filters-applied": "artifactType" } : {}),
    ...more,
  });
}

/** Lists the repositories that the caller may see. */
export async function listCatalog(
  deps: V2Deps,
  r: V2Request,
  page: PageRequest,
): Promise<Response> {
  if (!deps.catalog) {
    throw new AppError(
      "UNSUPPORTED",
      "This registry does not list its repositories (setting registry.catalog).",
    );
  }
  const last = page.last === undefined
    ? undefined
    : await positionOf(deps, r, page.last);
  const { items, next } = await deps.lists.catalog({
    readerOf: catalogReader(r.claims),
    n: pageSize(page, PAGE.catalog),
    ...(last ? { last } : {}),
  });
  const handles = await handlesOf(deps, items.map(({ did }) => did));
  const names = items.map(({ did, repo }) => {
    const handle = handles.get(did);
    const owner: Owner = handle === undefined
      ? { kind: "did", value: did }
      : { kind: "handle", value: handle };
    return formatImageName({ owner, repository: repo });
  });
  return json({ repositories: names }, {
    "cache-control": "no-cache",
    ...nextLink("/v2/_catalog", [
      ["n", page.n],
      ["last", names.at(-1)],
    ], next),
  });
}

/** Handles of owners that resolve in time; the others are listed by DID. */
async function handlesOf(
  deps: V2Deps,
  dids: readonly Did[],
): Promise<ReadonlyMap<Did, string | undefined>> {
  const handles = new Map<Did, string | undefined>();
  const signal = AbortSignal.timeout(NAMES_MS);
  await inParallel(new Set(dids), PARALLEL_NAMES, async (did) => {
    // An owner that cannot be resolved is listed by DID.
    const owner = await deps.owners.resolve(did, { signal, patienceMs: 0 })
      .catch(() => undefined);
    handles.set(did, owner?.handle);
  });
  return handles;
}

/** The last repository of the previous page. */
async function positionOf(
  deps: V2Deps,
  { request: { signal }, admit: beforeAsking }: V2Request,
  last: string,
): Promise<RepoRef> {
  const { owner, repository } = parseImageName(last);
  const { did } = await deps.owners.resolve(owner.value, {
    signal,
    beforeAsking,
  });
  return { did, repo: repository };
}

/** Lists the extensions (distribution-spec, extensions/_oci.md): none but this list. */
export function discoverExtensions(): Response {
  return json({
    extensions: [{
      name: "_oci",
      description: "Lists the extensions of this registry",
      url:
        "https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md",
    }],
  });
}

function nextLink(
  path: string,
  parameters: Iterable<readonly [string, string | number | undefined]>,
  next: unknown,
): Record<string, string> {
  return next === undefined ? {} : { link: formatNextLink(path, parameters) };
}
