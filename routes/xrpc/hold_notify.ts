/**
 * `io.atcr.hold.notifyManifest`, `getLayersForManifest` and `setStats`.
 *
 * @module
 */

import { isValidAtUri } from "@atproto/syntax";
import type { Hono } from "@hono/hono";
import { z } from "zod";
import { didSchema } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import type { HoldAccess } from "../../lib/hold/access.ts";
import type { LayerRecords } from "../../lib/hold/layers/layer_records.ts";
import type { HoldNotify } from "../../lib/hold/pushes/notify.ts";
import type { HoldStats } from "../../lib/hold/stats.ts";
import type { PushEvent } from "../../lib/hold_api/push_event.ts";
import { isDigest } from "../../lib/oci/digest.ts";
import { isTag, parseRepository } from "../../lib/oci/name.ts";
import type { AppEnv } from "../middleware.ts";
import {
  callerOf,
  didOf,
  type HoldHandler,
  inputOf,
  mountMethods,
  parametersOf,
  requireAllowed,
  type ServiceTokens,
} from "./hold_request.ts";

/** What these methods need. */
export interface HoldNotifyRoutesDeps {
  tokens: ServiceTokens;
  access: HoldAccess;
  notify: HoldNotify;
  stats: HoldStats;
  layerRecords: LayerRecords;
}

const descriptor = z.object({
  digest: z.string().max(256),
  size: z.int().min(0),
});
const typed = descriptor.extend({ mediaType: z.string().max(256) });
const repository = z.string().min(1).max(256);

const notifyInput = z.object({
  repository,
  userDid: didSchema,
  /** Missing in the notifications of early registries. */
  manifestDigest: z.string().refine(
    isDigest,
    "must be a digest such as sha256:…",
  ).optional(),
  // Untagged pushes come with an empty tag from some registries.
  tag: z.string().refine((text) => text === "" || isTag(text), "must be a tag")
    .optional(),
  operation: z.string().max(64).default("push"),
  /** Only early registries send it, and then as a part of `repository`. */
  userHandle: z.string().max(253).optional(),
  manifest: z.object({
    mediaType: z.string().max(256),
    config: descriptor.optional(),
    layers: z.array(typed).max(10_000).default([]),
    manifests: z.array(
      typed.extend({
        platform: z.object({
          os: z.string().max(64),
          architecture: z.string().max(64),
        }).optional(),
      }),
    ).max(10_000).optional(),
  }),
});

const layersQuery = z.object({
  manifest: z.string().max(2_048).refine(isValidAtUri, "must be an AT-URI"),
});

const time = z.iso.datetime({ offset: true }).optional();
const statsInput = z.object({
  ownerDid: z.string().max(2_048),
  repository: z.string(),
  pullCount: z.int().min(0).optional(),
  pushCount: z.int().min(0).optional(),
  lastPull: time,
  lastPush: time,
});

/** Serves these methods below `/xrpc/`. */
export function mountHoldNotify(
  app: Hono<AppEnv>,
  deps: HoldNotifyRoutesDeps,
): void {
  const notifyManifest: HoldHandler = async (c) => {
    const caller = await callerOf(c, deps.tokens, "notifyManifest");
    const input = await inputOf(c, notifyInput);
    const notice = noticeOf(input);
    if (input.operation === "pull") {
      // Whoever pulled tells it, so the token is not the owner's.
      requireAllowed(await deps.access.read(caller));
      const statsUpdated = await deps.stats.get(notice) !== undefined;
      if (statsUpdated) deps.notify.pull(notice);
      return c.json({ success: true, operation: "pull", statsUpdated });
    }
    if (input.operation !== "push") {
      throw new AppError(
        "INVALID_REQUEST",
        "The operation is push or pull.",
        { xrpc: "InvalidOperation" },
      );
    }
    const { postUri, ...outcome } = await deps.notify.push(caller, notice);
    return c.json({
      success: true,
      operation: "push",
      ...outcome,
      postCreated: postUri !== undefined,
      ...(postUri === undefined ? {} : { postUri }),
    });
  };

  const getLayersForManifest: HoldHandler = async (c) => {
    const { manifest } = parametersOf(c, layersQuery);
    const layers = await deps.layerRecords.ofManifest(manifest);
    return c.json({ layers: layers.map(({ value }) => value) });
  };

  const setStats: HoldHandler = async (c) => {
    const caller = await callerOf(c, deps.tokens, "setStats");
    requireAllowed(await deps.access.admin(caller));
    const input = await inputOf(c, statsInput);
    const { pullCount, pushCount, lastPull, lastPush } = input;
    const owner = didOf(input.ownerDid, "InvalidOwner");
    if (!repository.safeParse(input.repository).success) {
      throw new AppError(
        "INVALID_REQUEST",
        "The name of a repository has 1 to 256 characters.",
        { xrpc: "InvalidRepository" },
      );
    }
    await deps.stats.set(
      { owner, repository: input.repository },
      {
        ...(pullCount === undefined ? {} : { pullCount }),
        ...(pushCount === undefined ? {} : { pushCount }),
        ...(lastPull === undefined ? {} : { lastPull }),
        ...(lastPush === undefined ? {} : { lastPush }),
      },
    );
    return c.json({ success: true });
  };

  mountMethods(app, {
    queries: { getLayersForManifest },
    procedures: { notifyManifest, setStats },
  });
}

/** The notification in the hold's terms. Throws AppError `NAME_INVALID`. */
function noticeOf(input: z.output<typeof notifyInput>): PushEvent {
  const { userDid, userHandle, manifestDigest, tag, manifest } = input;
  const prefix = `${userHandle ?? ""}/`;
  return {
    owner: userDid,
    repository: parseRepository(
      userHandle && input.repository.startsWith(prefix)
        ? input.repository.slice(prefix.length)
        : input.repository,
    ),
    digest: manifestDigest,
    tag: tag === "" ? undefined : tag,
    manifest,
  };
}
