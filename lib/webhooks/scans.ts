/**
 * Reports of scanners, which holds keep as records, as events for webhooks.
 *
 * @module
 */

import { z } from "zod";
import { HOLD_COLLECTIONS } from "../atproto/records/collections.ts";
import { type Clock, isAhead, isWithin } from "../clock.ts";
import { type Did, didSchema, storedDidSchema } from "../did.ts";
import { type JobKind, planJob, type PlannedJob } from "../kv/jobs/jobs.ts";
import type { Kv } from "../kv/kv.ts";
import type { Digest } from "../oci/digest.ts";
import type { Vulnerabilities } from "./event.ts";
import type { WebhookEvents } from "./events.ts";
import { scanKey } from "./kv_keys.ts";

export interface WebhookScansDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly events: Pick<WebhookEvents, "plan" | "committed">;
  /** The hold of an image that is known here. */
  readonly holdOf: (
    of: { readonly did: Did; readonly repo: string },
    digest: Digest,
  ) => Promise<Did | undefined>;
}

/** A record that a hold has written; undefined when it was deleted. */
interface Written {
  readonly did: Did;
  readonly record: unknown;
}

/** What the last report about an image said. */
interface ScanRow {
  /** As the scanner says, in milliseconds since the Unix epoch. */
  readonly scannedAt: number;
  readonly vulnerabilities: Vulnerabilities;
}

const count = z.int().min(0);

const scanSchema = z.object({
  manifest: z.string().max(512),
  repository: z.string().min(1).max(256),
  userDid: didSchema,
  critical: count,
  high: count,
  medium: count,
  low: count,
  total: count,
  scannerVersion: z.string().max(64),
  scannedAt: z.iso.datetime({ offset: true }),
  status: z.string().max(32).optional(),
});

const MANIFEST = /^at:\/\/([^/]+)\/io\.atcr\.manifest\/([0-9a-f]{64})$/;

/** Older reports are known, and not sent: they come when a repo is read for the first time. Milliseconds. */
const RECENT_MS = 86_400_000;

/** How long the last report is remembered, in milliseconds. */
const KEPT_MS = 400 * 86_400_000;

const ATTEMPTS = 5;

/** A report in the repo of our own hold, about which no stream tells us. */
export const WEBHOOK_SCAN: JobKind<{ did: Did; record: unknown }> = {
  name: "webhooks.scan",
  payload: z.object({ did: storedDidSchema, record: z.unknown() }),
};

/** Takes scan records of holds. */
export class WebhookScans {
  readonly collections = [HOLD_COLLECTIONS.scan];
  readonly #deps: WebhookScansDeps;

  constructor(deps: WebhookScansDeps) {
    this.#deps = deps;
  }

  /** The job that takes a record later, for the commit that writes it; undefined where there is nothing to take. */
  plan({ did, record }: Written): PlannedJob | undefined {
    const { data: scan } = scanSchema.safeParse(record);
    // Only what is known of records has a bound.
    return scan &&
      planJob(this.#deps.clock, WEBHOOK_SCAN, { did, record: scan });
  }

  /**
   * Announces a report to the owner's webhooks: once, and only when the hold
   * is the one of the image, since anybody can write such records.
   */
  async apply({ did: hold, record }: Written): Promise<void> {
    const { data: scan } = scanSchema.safeParse(record);
    const [, owner, hex] = MANIFEST.exec(scan?.manifest ?? "") ?? [];
    // A scan that failed or was skipped found nothing out.
    if (!scan || owner !== scan.userDid || !isFinished(scan.status)) return;
    const digest: Digest = `sha256:${hex}`;
    const ref = { did: scan.userDid, repo: scan.repository };
    const { clock, holdOf, events } = this.#deps;
    const at = Date.parse(scan.scannedAt);
    if (isAhead(at, clock.now()) || await holdOf(ref, digest) !== hold) return;
    const { critical, high, medium, low, total } = scan;
    const vulnerabilities = { critical, high, medium, low, total };
    const isRecent = isWithin(at, RECENT_MS, clock.now());
    await this.#store(ref.did, digest, { scannedAt: at, vulnerabilities }, (
      previous,
    ) =>
      isRecent
        ? events.plan({
          ...ref,
          kind: "scan",
          id: crypto.randomUUID(),
          holdDid: hold,
          at: clock.now(),
          digest,
          scannedAt: scan.scannedAt,
          scannerVersion: scan.scannerVersion,
          vulnerabilities,
          ...(previous ? { previous } : {}),
        })
        : undefined);
    events.committed();
  }

  /** Remembers a report, together with its event, unless it or a later one is remembered. */
  async #store(
    did: Did,
    digest: Digest,
    row: ScanRow,
    eventOf: (previous: Vulnerabilities | undefined) => PlannedJob | undefined,
  ): Promise<void> {
    const { kv, clock } = this.#deps;
    const key = scanKey(did, digest);
    const expiresAt = clock.now() + KEPT_MS;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = await kv.get<ScanRow>(key);
      if (before && before.value.scannedAt >= row.scannedAt) return;
      const commit = kv.atomic().check(key, before?.versionstamp ?? null)
        .set(key, row, { expiresAt });
      const event = eventOf(before?.value.vulnerabilities);
      for (const { key, row } of event?.rows ?? []) commit.set(key, row);
      if (await commit.commit()) return;
    }
    throw new Error(`Reports about ${digest} come too often`);
  }
}

function isFinished(status: string | undefined): boolean {
  return status === undefined || status === "ok";
}
