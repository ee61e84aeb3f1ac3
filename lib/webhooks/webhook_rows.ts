/**
 * Rows of webhooks: address and secret are encrypted, and a webhook is disabled
 * when its receiver fails for too long.
 *
 * @module
 */

import { z } from "zod";
import type { Clock } from "../clock.ts";
import type { SecretBox } from "../crypto/secret_box.ts";
import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import type { Entry, Kv } from "../kv/kv.ts";
import { webhookKey, webhooksOf } from "./kv_keys.ts";
import { shownUrl } from "./target.ts";
import type { Webhook, WebhookRow, WebhookTarget } from "./webhook.ts";

/** A webhook of an account. */
export interface WebhookRef {
  readonly did: Did;
  readonly id: string;
}

const targetSchema = z.object({
  url: z.string(),
  secret: z.string().exactOptional(),
});

/** Maximum webhooks of one account. */
export const MAX_WEBHOOKS = 20;

/** Consecutive failed deliveries after which a webhook is disabled. */
const MAX_FAILURES = 10;

const ATTEMPTS = 10;

export interface WebhookRowsDeps {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly box: Pick<SecretBox, "seal" | "open">;
}

/** Reads and changes the rows of webhooks. */
export class WebhookRows {
  readonly #deps: WebhookRowsDeps;

  constructor(deps: WebhookRowsDeps) {
    this.#deps = deps;
  }

  /** The webhooks of `did`, unordered. */
  async list(did: Did): Promise<(WebhookRef & { readonly row: WebhookRow })[]> {
    const rows = this.#deps.kv.list<WebhookRow>({ prefix: webhooksOf(did) }, {
      limit: MAX_WEBHOOKS,
    });
    return await Array.fromAsync(rows, ({ key, value }) => ({
      did,
      id: String(key.at(-1)),
      row: value,
    }));
  }

  /** The row; undefined when there is none. */
  read({ did, id }: WebhookRef): Promise<Entry<WebhookRow> | undefined> {
    return this.#deps.kv.get<WebhookRow>(webhookKey(did, id));
  }

  /** The row. Throws AppError `NOT_FOUND`. */
  async require(ref: WebhookRef): Promise<WebhookRow> {
    const entry = await this.read(ref);
    if (entry) return entry.value;
    throw new AppError("NOT_FOUND", "You have no webhook with this id.");
  }

  /** Encrypts address and secret for storage. */
  seal({ did, id }: WebhookRef, { url, secret }: WebhookTarget) {
    const target = { url, ...(secret === undefined ? {} : { secret }) };
    return this.#deps.box.seal(webhookKey(did, id), target);
  }

  /** Address and secret. Throws AppError `INTERNAL` when they cannot be decrypted. */
  target({ did, id }: WebhookRef, row: WebhookRow): WebhookTarget {
    const opened = this.#deps.box.open(webhookKey(did, id), row.target);
    const { url, secret } = targetSchema.parse(opened);
    return { url, secret };
  }

  /** The webhook for its owner. */
  shown(ref: WebhookRef, row: WebhookRow): Webhook {
    const { url, secret } = this.target(ref, row);
    const { triggers, repository, untagged, form, createdAt, failures } = row;
    return {
      ...{ id: ref.id, did: ref.did, triggers, repository, untagged },
      ...{ form, createdAt, failures, off: row.off },
      url: shownUrl(url, form),
      hasSecret: secret !== undefined,
    };
  }

  /**
   * Replaces a row by the result of `next`; undefined keeps it. Returns the
   * stored row. Throws AppError `NOT_FOUND`.
   */
  async change(
    ref: WebhookRef,
    next: (row: WebhookRow) => WebhookRow | undefined,
  ): Promise<WebhookRow> {
    const { kv } = this.#deps;
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const entry = await this.read(ref);
      if (!entry) await this.require(ref);
      else {
        const row = next(entry.value);
        if (row === undefined) return entry.value;
        const change = kv.atomic().check(entry.key, entry.versionstamp);
        if (await change.set(entry.key, row).commit()) return row;
      }
    }
    throw new AppError(
      "UNAVAILABLE",
      "The webhook is being changed at this moment; try again.",
      { retryAfterSeconds: 1 },
    );
  }

  /** Records a successful delivery. */
  async succeeded(ref: WebhookRef): Promise<void> {
    await this.#note(
      ref,
      (row) => row.failures === 0 ? undefined : { ...row, failures: 0 },
    );
  }

  /**
   * Records a failed delivery with the reason `error`, and disables the webhook
   * when there were too many, or the receiver is `gone`.
   */
  async failed(ref: WebhookRef, error: string, gone: boolean): Promise<void> {
    const at = this.#deps.clock.now();
    await this.#note(ref, (row) => {
      const failures = row.failures + 1;
      if (row.off || (!gone && failures < MAX_FAILURES)) {
        return { ...row, failures };
      }
      const reason = gone
        ? "The receiver answered 410: it takes no more events."
        : `${failures} deliveries in a row have failed; the last one: ${error}`;
      return { ...row, failures, off: { at, reason } };
    });
  }

  /** A deleted webhook needs no record. */
  async #note(
    ref: WebhookRef,
    next: (row: WebhookRow) => WebhookRow | undefined,
  ): Promise<void> {
    if (await this.read(ref)) await this.change(ref, next);
  }
}
