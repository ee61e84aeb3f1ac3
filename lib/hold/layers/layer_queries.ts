/**
 * Questions about layer records: by account, repository and time. Manifests are
 * walked in the order of their AT-URIs, so that those of an account are one
 * range; each request reads a bounded number of rows.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { AppError } from "../../errors.ts";
import type { Key, Kv, ListSelector } from "../../kv/kv.ts";
import { holdKeys } from "../kv_keys.ts";
import type { LayerRecord, LayerRecords } from "./layer_records.ts";
import type { ManifestRow } from "./layer_rows.ts";

export interface LayerQueriesDeps {
  readonly kv: Kv;
  readonly layerRecords: Pick<LayerRecords, "ofManifest">;
}

/** Which records, and which page of them. */
export interface LayerQuery {
  readonly user?: Did | undefined;
  /** Without its owner. */
  readonly repository?: string | undefined;
  /** Milliseconds since the Unix epoch: the first that count, and the first that do not. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  /** Records of a page. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** One page. */
export interface LayerPage {
  readonly records: readonly LayerRecord[];
  /** Where the next page begins; undefined on the last one. */
  readonly cursor: string | undefined;
}

/** Rows of manifests that are read for one page. */
const MAX_MANIFESTS = 500;
/** Manifests whose records are read for one page. */
const MAX_FITTING = 100;

/** The record after which a page begins. */
interface Place {
  readonly uri: string;
  readonly rkey: string;
}

/** Answers them. */
export class LayerQueries {
  readonly #deps: LayerQueriesDeps;

  constructor(deps: LayerQueriesDeps) {
    this.#deps = deps;
  }

  /** One page. Throws AppError `INVALID_REQUEST` for a bad cursor. */
  async find(query: LayerQuery): Promise<LayerPage> {
    const { kv, layerRecords } = this.#deps;
    const from = placeOf(query.cursor);
    const records: LayerRecord[] = [];
    let manifests = 0;
    let fitting = 0;
    const rows = kv.list<ManifestRow>(selectorOf(query.user, from), {
      limit: MAX_MANIFESTS,
    });
    for await (const { key, value } of rows) {
      const uri = String(key.at(-1));
      manifests++;
      if (!isOf(value, query)) {
        if (manifests === MAX_MANIFESTS) return { records, cursor: after(uri) };
        continue;
      }
      fitting++;
      for (const record of await layerRecords.ofManifest(uri)) {
        if (uri === from?.uri && record.rkey <= from.rkey) continue;
        if (!isWithin(record, query)) continue;
        records.push(record);
        if (records.length < query.limit) continue;
        return { records, cursor: `${uri} ${record.rkey}` };
      }
      if (manifests === MAX_MANIFESTS || fitting === MAX_FITTING) {
        return { records, cursor: after(uri) };
      }
    }
    return { records, cursor: undefined };
  }
}

/** The cursor behind all records of a manifest: no record key is greater. */
function after(uri: string): string {
  return `${uri} ~`;
}

function placeOf(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  const [, uri, rkey] = /^(at:\/\/did:\S+) ([2-7a-z]{13}|~)$/.exec(cursor) ??
    [];
  if (uri !== undefined && rkey !== undefined) return { uri, rkey };
  throw new AppError(
    "INVALID_REQUEST",
    "The cursor is none of this list; leave it out to begin at the start.",
  );
}

function selectorOf(
  user: Did | undefined,
  from: Place | undefined,
): ListSelector {
  const prefix = holdKeys.manifests;
  const start: Key = [...prefix, from?.uri ?? `at://${user ?? ""}`];
  // "0" is the character after "/".
  const end: Key = [...prefix, user === undefined ? "at:0" : `at://${user}0`];
  return { start, end };
}

function isOf(
  { userDid, repositories }: ManifestRow,
  { user, repository }: LayerQuery,
): boolean {
  return (user === undefined || userDid === user) &&
    (repository === undefined || repositories?.includes(repository) === true);
}

function isWithin(
  { value }: LayerRecord,
  { since, until }: LayerQuery,
): boolean {
  const at = Date.parse(value.createdAt);
  return (since === undefined || at >= since) &&
    (until === undefined || at < until);
}
