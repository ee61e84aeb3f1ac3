/**
 * Events of a Jetstream server, as JSON, one per text frame.
 *
 * @module
 */

import { isValidNsid } from "@atproto/syntax";
import { z } from "zod";
import { type Did, didSchema } from "../../did.ts";

/** An event of one account. */
export type JetstreamEvent =
  & {
    readonly did: Did;
    /** Cursor of the event in the stream of its server: microseconds since the Unix epoch. */
    readonly timeUs: number;
  }
  & (
    | {
      readonly kind: "commit";
      readonly operation: "create" | "update" | "delete";
      readonly collection: string;
      readonly rkey: string;
    }
    /** The handle, the keys or the PDS may have changed. */
    | { readonly kind: "identity" }
    /** Whether the account is active; `status` says why not. */
    | {
      readonly kind: "account";
      readonly active: boolean;
      readonly status: string | undefined;
    }
  );

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
      rkey: z.string().min(1).max(512),
    }),
  }).transform(({ did, time_us, kind, commit }) => ({
    did,
    timeUs: time_us,
    kind,
    ...commit,
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
]);

/** Parses one text frame; undefined for malformed events and unknown kinds. */
export function parseJetstreamEvent(text: string): JetstreamEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : undefined;
}
