/**
 * What a webhook is: where events of which repositories go, and when.
 *
 * @module
 */

import type { SealedValue } from "../crypto/secret_box.ts";
import type { Did } from "../did.ts";
import { AppError } from "../errors.ts";
import { parseRepository } from "../oci/name.ts";

/** What a webhook may wait for. */
export const TRIGGERS = [
  "push",
  "delete",
  "scan:first",
  "scan:all",
  "scan:changed",
] as const;

/** What makes a webhook be called. */
export type Trigger = typeof TRIGGERS[number];

/** How the body is written: as the receiver of this kind takes it. */
export type Form = "json" | "discord" | "slack";

/** That a webhook is switched off, and why. */
export interface SwitchedOff {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** A sentence for the owner. */
  readonly reason: string;
}

/** What the owner decides about a webhook. */
export interface WebhookChoice {
  readonly triggers: readonly Trigger[];
  /** The only repository whose events are sent; undefined: all of the owner's. */
  readonly repository: string | undefined;
  /** Whether pushes without a tag are sent: the parts of an image for several platforms, its attestations. */
  readonly untagged: boolean;
}

/** What an owner chose, checked. Throws AppError `INVALID_REQUEST` or `NAME_INVALID`. */
export function checkedChoice(
  { triggers, repository, untagged }: WebhookChoice,
): WebhookChoice {
  if (triggers.length === 0) {
    throw new AppError(
      "INVALID_REQUEST",
      "Choose at least one trigger for the webhook.",
    );
  }
  const name = repository === undefined
    ? undefined
    : parseRepository(repository);
  return { triggers: [...new Set(triggers)], repository: name, untagged };
}

/** A webhook as it is stored. */
export interface WebhookRow extends WebhookChoice {
  /** Address and secret; both open doors at the receiver. */
  readonly target: SealedValue;
  readonly form: Form;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** Deliveries in a row that were given up. */
  readonly failures: number;
  readonly off?: SwitchedOff;
}

/** Where a webhook sends, and how it proves that it is us. */
export interface WebhookTarget {
  readonly url: string;
  /** Key of the signature; undefined: bodies are not signed. */
  readonly secret: string | undefined;
}

/** A webhook as its owner sees it. The secret is never shown again. */
export interface Webhook extends WebhookChoice {
  readonly id: string;
  readonly did: Did;
  /** With the part that is a secret itself hidden. */
  readonly url: string;
  readonly hasSecret: boolean;
  readonly form: Form;
  readonly createdAt: number;
  readonly failures: number;
  readonly off: SwitchedOff | undefined;
}
