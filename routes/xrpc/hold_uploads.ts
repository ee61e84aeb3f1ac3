/**
 * `io.atcr.hold.initiateUpload`, `getPartUploadUrl`, `uploadPart`,
 * `completeUpload` and `abortUpload`: uploads from the registry of somebody
 * else.
 *
 * @module
 */

import type { Hono } from "@hono/hono";
import { z } from "zod";
import { quotedEtag } from "../../lib/etag.ts";
import type { HoldAccess } from "../../lib/hold/access.ts";
import type { HoldCrew } from "../../lib/hold/crew.ts";
import { TICKET_HEADER } from "../../lib/hold/uploads/part_uploads.ts";
import type { HoldUploads } from "../../lib/hold/uploads/uploads.ts";
import { digestParts, parseDigest } from "../../lib/oci/digest.ts";
import type { AppEnv } from "../middleware.ts";
import {
  callerOf,
  failingAs,
  type HoldContext,
  type HoldHandler,
  inputOf,
  mountMethods,
  requireAllowed,
  type ServiceTokens,
} from "./hold_request.ts";

/** What the upload methods need. */
export interface HoldUploadRoutesDeps {
  tokens: ServiceTokens;
  access: HoldAccess;
  crew: HoldCrew;
  uploads: HoldUploads;
}

const uploadId = z.string().min(1).max(256);
// The hold tells the bounds, under the name that the lexicon has for it.
const partNumber = z.int();

const initiateInput = z.object({
  digest: z.string().min(1).max(135),
  /** Not in the lexicon as published: lets the hold refuse early. */
  size: z.int().min(0).optional(),
});
const partUrlInput = z.object({ uploadId, partNumber });
const completeInput = z.object({
  uploadId,
  digest: z.string().max(256),
  parts: z.array(
    z.object({ partNumber, etag: z.string().min(1).max(256) }),
  ).max(10_000).optional(),
});
const abortInput = z.object({ uploadId });

/** Serves the upload methods below `/xrpc/`. */
export function mountHoldUploads(
  app: Hono<AppEnv>,
  deps: HoldUploadRoutesDeps,
): void {
  const { uploads } = deps;

  const initiateUpload: HoldHandler = async (c) => {
    const caller = await writerOf(c, deps, "initiateUpload");
    const { digest, size } = await inputOf(c, initiateInput);
    // Where the digest is not known yet, clients send a name of their own.
    const algorithm = /^sha(256|512):/.test(digest)
      ? digestParts(parseDigest(digest)).algorithm
      : "sha256";
    await deps.crew.ensure(caller);
    const { uploadId } = await uploads.initiate(caller, {
      algorithm,
      ...(size === undefined ? {} : { size }),
    });
    return c.json({ uploadId });
  };

  const getPartUploadUrl: HoldHandler = async (c) => {
    const caller = await writerOf(c, deps, "getPartUploadUrl");
    const input = await inputOf(c, partUrlInput);
    return c.json(
      await uploads.parts.url(input.uploadId, input.partNumber, caller),
    );
  };

  const uploadPart: HoldHandler = async (c) => {
    const id = c.req.header("x-upload-id") ?? "";
    const ticket = c.req.header(TICKET_HEADER) ?? "";
    const holder = await uploads.parts.holder(id, ticket);
    if (holder !== undefined) {
      // A ticket must not outlive the right to push.
      requireAllowed(await deps.access.write(holder));
    } else {
      await uploads.requireOwner(id, await writerOf(c, deps, "uploadPart"));
    }
    const { body, signal } = c.req.raw;
    const number = Number(c.req.header("x-part-number") ?? NaN);
    const { etag } = await failingAs(
      "UploadFailed",
      () => uploads.parts.put(id, number, body ?? new Blob().stream(), signal),
    );
    return c.json({ etag }, 200, { etag: quotedEtag(etag) });
  };

  const completeUpload: HoldHandler = async (c) => {
    const caller = await writerOf(c, deps, "completeUpload");
    const input = await inputOf(c, completeInput);
    const digest = parseDigest(input.digest);
    await uploads.requireOwner(input.uploadId, caller);
    await failingAs(
      "CompletionFailed",
      () => uploads.complete(input.uploadId, digest, input.parts),
    );
    return c.json({ status: "completed", digest });
  };

  const abortUpload: HoldHandler = async (c) => {
    const caller = await writerOf(c, deps, "abortUpload");
    const input = await inputOf(c, abortInput);
    await uploads.requireOwner(input.uploadId, caller);
    await failingAs("AbortFailed", () => uploads.abort(input.uploadId));
    return c.json({ status: "aborted" });
  };

  app.put("/io.atcr.hold.uploadPart", uploadPart);
  mountMethods(app, {
    procedures: {
      initiateUpload,
      getPartUploadUrl,
      uploadPart,
      completeUpload,
      abortUpload,
    },
  });
}

/** The caller, who may push here. */
async function writerOf(
  c: HoldContext,
  deps: HoldUploadRoutesDeps,
  method: string,
) {
  const caller = await callerOf(c, deps.tokens, method);
  requireAllowed(await deps.access.write(caller));
  return caller;
}
