/**
 * `com.atproto.repo.*`: reading the records of the hold, and writing them for
 * its captain and crew admins.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { z } from "zod";
import { MAX_WRITES } from "../../lib/atproto/pds/pds.ts";
import type { Did } from "../../lib/did.ts";
import { isAppError } from "../../lib/errors.ts";
import { MAX_BLOB_BYTES, type RepoBlobs } from "../../lib/repo/blobs.ts";
import type { DidDocument } from "../../lib/repo/identity/did_document.ts";
import type { Repo } from "../../lib/repo/repo.ts";
import type { ApplyResult } from "../../lib/repo/types.ts";
import type { RepoWrite } from "../../lib/repo/writes.ts";
import type { AppEnv } from "../middleware.ts";
import { readBody } from "../read_body.ts";
import { inputOf, parametersOf } from "./hold_request.ts";
import {
  fields,
  mountProcedure,
  mountQuery,
  type PdsAccount,
  refuse,
  requireActive,
  requireRepo,
  type XrpcContext,
} from "./server_methods.ts";

/** What the repo methods need. */
export interface RepoRoutesDeps {
  readonly account: PdsAccount;
  readonly repo: Repo;
  readonly blobs: RepoBlobs;
  readonly didDocument: DidDocument;
  /**
   * The captain or crew admin who sends `request` for the method `lxm`. Throws
   * AppError `UNAUTHORIZED` or `DENIED` for everybody else.
   */
  readonly authorize: (request: Request, lxm: string) => Promise<Did>;
  /** Throws AppError `DENIED` when `caller` may write records, but not these. */
  readonly permit: (
    caller: Did,
    writes: readonly RepoWrite[],
  ) => Promise<void>;
  /** Called after records were written; they may say who may do what. */
  readonly written: (writes: readonly RepoWrite[]) => void;
}

const NSID = "com.atproto.repo";
const OCTETS = "application/octet-stream";

const place = z.object({ collection: fields.collection, rkey: fields.rkey });
const value = z.record(z.string(), z.unknown());
const target = z.object({
  repo: fields.repo,
  /** Records are validated also where that is not wanted. */
  validate: z.boolean().optional(),
  swapCommit: fields.cid.optional(),
});

const describeRepo = z.object({ repo: fields.repo });
const getRecord = describeRepo.extend(place.shape).extend({
  cid: fields.cid.optional(),
});
const listRecords = z.object({
  repo: fields.repo,
  collection: fields.collection,
  limit: fields.limit(100, 50),
  cursor: fields.cursor,
  reverse: fields.boolean,
});
const createRecord = target.extend({
  collection: fields.collection,
  rkey: fields.rkey.optional(),
  record: value,
});
const putRecord = target.extend(place.shape).extend({
  record: value,
  swapRecord: fields.cid.nullable().optional(),
});
const deleteRecord = target.extend(place.shape).extend({
  swapRecord: fields.cid.optional(),
});
const applyWrites = target.extend({
  writes: z.array(z.discriminatedUnion("$type", [
    z.object({
      $type: z.literal(`${NSID}.applyWrites#create`),
      collection: fields.collection,
      rkey: fields.rkey.optional(),
      value,
    }),
    place.extend({
      $type: z.literal(`${NSID}.applyWrites#update`),
      value,
    }),
    place.extend({ $type: z.literal(`${NSID}.applyWrites#delete`) }),
  ])).max(MAX_WRITES),
});

/** Serves the repo methods below `/xrpc/`. */
export function mountRepo(app: Hono<AppEnv>, deps: RepoRoutesDeps): void {
  mountReads(app, deps);
  mountWrites(app, deps);
  mountProcedure(app, `${NSID}.uploadBlob`, async (c) => {
    await deps.authorize(c.req.raw, `${NSID}.uploadBlob`);
    const bytes = await readBody(c.req.raw, MAX_BLOB_BYTES, "blob");
    const [type = ""] = (c.req.header("content-type") ?? "").split(";");
    const blob = await deps.blobs.upload(bytes, type.trim() || OCTETS);
    return c.json({ blob });
  });
}

function mountReads(app: Hono<AppEnv>, deps: RepoRoutesDeps): void {
  const { account, repo } = deps;
  mountQuery(app, `${NSID}.describeRepo`, async (c) => {
    requireRepo(account, parametersOf(c, describeRepo).repo);
    await requireActive(repo);
    return c.json({
      handle: account.handle,
      did: account.did,
      didDoc: deps.didDocument,
      collections: await repo.collections(),
      handleIsCorrect: deps.didDocument.alsoKnownAs.includes(
        `at://${account.handle}`,
      ),
    });
  });
  mountQuery(app, `${NSID}.getRecord`, async (c) => {
    const { repo: who, collection, rkey, cid } = parametersOf(c, getRecord);
    requireRepo(account, who);
    await requireActive(repo);
    const record = await repo.getRecord(collection, rkey);
    if (record === undefined || (cid !== undefined && cid !== record.cid)) {
      refuse(
        `There is no record ${collection}/${rkey}${cid ? ` ${cid}` : ""}.`,
        "RecordNotFound",
      );
    }
    return c.json({ uri: record.uri, cid: record.cid, value: record.value });
  });
  mountQuery(app, `${NSID}.listRecords`, async (c) => {
    const { repo: who, collection, limit, cursor, reverse } = parametersOf(
      c,
      listRecords,
    );
    requireRepo(account, who);
    await requireActive(repo);
    const page = await repo.listRecords(collection, {
      limit,
      reverse,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const records = page.records.map(({ uri, cid, value }) => ({
      uri,
      cid,
      value,
    }));
    return c.json({ records, cursor: page.cursor });
  });
}

function mountWrites(app: Hono<AppEnv>, deps: RepoRoutesDeps): void {
  /** Mounts a procedure whose input `schema` checks, once the caller may write. */
  const procedure = <T extends typeof target>(
    name: string,
    schema: T,
    answer: (
      c: XrpcContext,
      input: z.output<T>,
      caller: Did,
    ) => Promise<Response>,
  ) =>
    mountProcedure(app, `${NSID}.${name}`, async (c) => {
      const caller = await deps.authorize(c.req.raw, `${NSID}.${name}`);
      const input = await inputOf(c, schema);
      requireRepo(deps.account, input.repo);
      await requireActive(deps.repo);
      return await answer(c, input, caller);
    });
  const apply = async (
    caller: Did,
    writes: readonly RepoWrite[],
    { swapCommit }: { swapCommit?: string | undefined },
  ) => {
    await deps.permit(caller, writes);
    try {
      return await deps.repo.apply(
        writes,
        swapCommit === undefined ? {} : { swapCommit },
      );
    } catch (error) {
      // As other PDSes answer what does not fit the present state.
      if (isAppError(error, "CONFLICT")) refuse(error.message, error.xrpcName);
      throw error;
    } finally {
      deps.written(writes);
    }
  };

  procedure("createRecord", createRecord, async (c, input, caller) => {
    const { collection, rkey, record } = input;
    const done = await apply(caller, [{
      action: "create",
      collection,
      value: record,
      ...(rkey === undefined ? {} : { rkey }),
    }], input);
    return c.json(single(done));
  });
  procedure("putRecord", putRecord, async (c, input, caller) => {
    const { collection, rkey, record, swapRecord } = input;
    const done = await apply(caller, [{
      action: "put",
      collection,
      rkey,
      value: record,
      ...(swapRecord === undefined ? {} : { swapRecord }),
    }], input);
    return c.json(single(done));
  });
  procedure("deleteRecord", deleteRecord, async (c, input, caller) => {
    const { collection, rkey, swapRecord } = input;
    const done = await apply(caller, [{
      action: "delete",
      collection,
      rkey,
      ...(swapRecord === undefined ? {} : { swapRecord }),
    }], input);
    return c.json(committed(done));
  });
  procedure("applyWrites", applyWrites, async (c, input, caller) => {
    const done = await apply(caller, input.writes.map(repoWrite), input);
    const results = done.results.map((result, i) => {
      const action = input.writes[i]?.$type ?? "";
      const { uri, cid } = result;
      return action.endsWith("#delete")
        ? { $type: `${action}Result` }
        : { $type: `${action}Result`, uri, cid };
    });
    return c.json({ ...committed(done), results });
  });
}

function repoWrite(
  write: z.output<typeof applyWrites>["writes"][number],
): RepoWrite {
  const { collection, rkey } = write;
  switch (write.$type) {
    case `${NSID}.applyWrites#create`: {
      const { value } = write;
      return rkey === undefined
        ? { action: "create", collection, value }
        : { action: "create", collection, rkey, value };
    }
    case `${NSID}.applyWrites#update`:
      return {
        action: "update",
        collection,
        rkey: write.rkey,
        value: write.value,
      };
    case `${NSID}.applyWrites#delete`:
      return { action: "delete", collection, rkey: write.rkey };
  }
}

/** The answer to a write of one record. */
function single(done: ApplyResult) {
  const [result] = done.results;
  return { uri: result?.uri, cid: result?.cid, ...committed(done) };
}

/** The commit, where there was one. */
function committed({ cid, rev, results }: ApplyResult) {
  return results.some(({ action }) => action !== "none")
    ? { commit: { cid, rev } }
    : {};
}
