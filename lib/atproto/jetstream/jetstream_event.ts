/**
 * Events of a Jetstream server, as JSON, one per text frame, of both endpoints:
 * `/subscribe`, and `network.bsky.jetstream.subscribeEvents`, which wraps the
 * same content.
 *
 * @module
 */

import { isValidNsid, isValidRecordKey, isValidTid } from "@atproto/syntax";
import { z } from "zod";
import { type Did, didSchema } from "../../did.ts";

/** An event of one account. */
export type JetstreamEvent =
  & {
    readonly did: Did;
    /** Cursor of the event: when its server received it, in microseconds since the Unix epoch. */
    readonly timeUs: number;
  }
  & (
    | {
      readonly kind: "commit";
      readonly operation: "create" | "update" | "delete";
      readonly collection: string;
      readonly rkey: string;
      /** Revision of the repo after the change, a TID. */
      readonly rev: string;
      readonly cid: string | undefined;
      /** Not validated; undefined after a deletion. */
      readonly record: unknown;
    }
    /** The handle, the keys or the PDS may have changed. */
    | { readonly kind: "identity" }
    /** Whether the account is active; `status` says why not. */
    | {
      readonly kind: "account";
      readonly active: boolean;
      readonly status: string | undefined;
    }
    /** The repo was reset and has to be read again. Sent by the new endpoint only. */
    | { readonly kind: "sync" }
  );

/** Content of a frame: an event, the notice that events are missing, or unknown. */
export type JetstreamFrame = JetstreamEvent | "gap" | undefined;

const head = {
  did: didSchema,
  time_us: z.int().positive(),
};

const schema = z.discriminatedUnion("kind", [
  z.object({
    ...head,
    kind: z.literal("commit"),
    commit: z.object({
      operation: z.enum(["create", "update", "delete"]),
      collection: z.string().refine(isValidNsid),
      rkey: z.string().refine(isValidRecordKey),
      rev: z.string().refine(isValidTid),
      cid: z.string().max(200).optional(),
      record: z.unknown().optional(),
    }),
  }).transform(({ did, time_us, kind, commit }) => ({
    did,
    timeUs: time_us,
    kind,
    operation: commit.operation,
    collection: commit.collection,
    rkey: commit.rkey,
    rev: commit.rev,
    cid: commit.cid,
    record: commit.operation === "delete" ? undefined : commit.record,
  })),
  z.object({ ...head, kind: z.literal("identity") })
    .transform(({ did, time_us, kind }) => ({ did, timeUs: time_us, kind })),
  z.object({
    ...head,
    kind: z.literal("account"),
    account: z.object({
      active: z.boolean(),
      status: z.string().max(100).optional(),
    }),
  }).transform(({ did, time_us, kind, account }) => ({
    did,
    timeUs: time_us,
    kind,
    active: account.active,
    status: account.status,
  })),
  z.object({ ...head, kind: z.literal("sync") })
    .transform(({ did, time_us, kind }) => ({ did, timeUs: time_us, kind })),
]);

/** A frame of the new endpoint. */
const wrapped = z.object({
  $type: z.literal("message"),
  payload: z.looseObject({
    $type: z.templateLiteral([
      "network.bsky.jetstream.subscribeEvents#",
      z.enum(["commit", "identity", "account", "sync", "info"]),
    ]),
    name: z.string().optional(),
    time: z.string().optional(),
    /** The time that cursors refer to, if it differs. */
    witnessedAt: z.string().optional(),
  }),
});

/** Parses one text frame; undefined for malformed events and unknown kinds. */
export function parseJetstreamFrame(text: string): JetstreamFrame {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const message = wrapped.safeParse(value);
  if (message.success) {
    const { payload } = message.data;
    const kind = payload.$type.slice(payload.$type.indexOf("#") + 1);
    if (kind === "info") {
      return payload.name === "OutdatedCursor" ? "gap" : undefined;
    }
    const time_us = microseconds(payload.witnessedAt ?? payload.time);
    value = { ...payload, kind, time_us, commit: payload };
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}

/** Microseconds since the Unix epoch of an RFC 3339 time; undefined when it is none. */
function microseconds(time: string | undefined): number | undefined {
  if (time === undefined) return undefined;
  const whole = Date.parse(time.replace(/\.\d+/, ""));
  if (Number.isNaN(whole)) return undefined;
  const fraction = /\.(\d{1,6})/.exec(time)?.[1] ?? "";
  return whole * 1000 + Number(fraction.padEnd(6, "0"));
}
