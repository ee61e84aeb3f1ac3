/**
 * Events of webhooks.
 *
 * @module
 */

import { z } from "zod";
import { storedDidSchema } from "../did.ts";
import type { Trigger } from "./webhook.ts";

/** Maximum tag names in one event; further ones are omitted. */
const MAX_TAGS = 50;

const common = {
  /** Unique; the same for all webhooks that receive the event. */
  id: z.string().regex(/^[0-9a-f-]{36}$/),
  /** Owner of the repository, whose webhooks are called. */
  did: storedDidSchema,
  repo: z.string(),
  holdDid: storedDidSchema,
  /** When it happened, in milliseconds since the Unix epoch. */
  at: z.number(),
  digest: z.string(),
};

const push = z.object({
  ...common,
  kind: z.literal("push"),
  mediaType: z.string(),
  /** Size of the manifest itself, in bytes. */
  size: z.number(),
  tags: z.array(z.object({
    tag: z.string(),
    /** Digest that the tag had before. */
    from: z.string().exactOptional(),
  })).max(MAX_TAGS),
});

const remove = z.object({
  ...common,
  kind: z.literal("delete"),
  /** The tag; absent when the manifest was deleted with all of its tags. */
  tag: z.string().exactOptional(),
});

const counts = z.object({
  critical: z.number(),
  high: z.number(),
  medium: z.number(),
  low: z.number(),
  total: z.number(),
});

const scan = z.object({
  ...common,
  kind: z.literal("scan"),
  /** Time from the scanner, RFC 3339. */
  scannedAt: z.string(),
  scannerVersion: z.string(),
  vulnerabilities: counts,
  /** Result of the previous scan; absent for the first one. */
  previous: counts.exactOptional(),
});

/** Vulnerabilities by severity. */
export type Vulnerabilities = z.infer<typeof counts>;

/** The schema of stored events. */
export const eventSchema = z.discriminatedUnion("kind", [
  push,
  remove,
  scan,
]);

/** An event of a repository. */
export type WebhookEvent = z.infer<typeof eventSchema>;

/** The triggers that match an event, most specific first. */
export function triggersOf(event: WebhookEvent): readonly Trigger[] {
  if (event.kind !== "scan") return [event.kind];
  const { previous, vulnerabilities } = event;
  if (!previous) return ["scan:first", "scan:all"];
  return isSame(previous, vulnerabilities)
    ? ["scan:all"]
    : ["scan:changed", "scan:all"];
}

function isSame(a: Vulnerabilities, b: Vulnerabilities): boolean {
  return a.critical === b.critical && a.high === b.high &&
    a.medium === b.medium && a.low === b.low && a.total === b.total;
}
