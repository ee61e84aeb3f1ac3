/**
 * Device authorization (RFC 8628): a program without a browser shows a code,
 * the user approves it in a browser, and the program gets a device secret.
 *
 * @module
 */

import type { Did } from "../../did.ts";
import { type Clock, isWithin } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Entry, Kv } from "../../kv/kv.ts";
import type { RateLimit, RateLimiter } from "../../kv/rate_limit.ts";
import { deviceName, type Devices, type MadeDevice } from "./devices.ts";
import { limitGuess } from "../guess_limit.ts";
import { deviceCodeKey, userCodeKey } from "../kv_keys.ts";
import type { Permission } from "../permissions.ts";
import { hashSecret, randomSecret } from "../secrets.ts";
import { parseUserCode, randomUserCode } from "./user_code.ts";

/** How long a code can be approved, in seconds. */
export const DEVICE_CODE_SECONDS = 600;

/** Initial polling interval in seconds; each early poll adds as many. */
export const POLL_SECONDS = 5;

/** How long an expired code is kept, so that the program receives `expired_token`. */
const KEPT_AFTER_MS = 600_000;

/** Tolerance for early polls, because clocks are not exact. */
const POLL_LENIENCE_MS = 500;

/** Attempts to find an unused code; a collision has a probability of 1 in 25 billion. */
const CODE_ATTEMPTS = 5;

/** Codes that one address may request, also one that clients share: each is stored. */
const STARTS: RateLimit = {
  name: "device_start",
  limit: 30,
  windowSeconds: 600,
};

/** Wrong codes allowed per account and per address. */
const GUESSES: RateLimit = {
  name: "user_code_guess",
  limit: 10,
  windowSeconds: 900,
};

/** A program's request, as shown to the user before approval. */
export interface DeviceRequest {
  /** Name that the program sent. */
  readonly name: string;
  readonly permissions: readonly Permission[];
  /** Network address that the request came from. */
  readonly address: string;
  /** `User-Agent` of the request. */
  readonly agent: string;
  /** Milliseconds since the Unix epoch, as `expiresAt`. */
  readonly createdAt: number;
  readonly expiresAt: number;
}

type Answer =
  | { readonly kind: "pending" }
  | { readonly kind: "denied" }
  | {
    readonly kind: "approved";
    readonly did: Did;
    readonly permissions: readonly Permission[];
    readonly lifetimeDays: number;
  };

interface CodeRow extends DeviceRequest {
  /** Keyed hash of the user code, as in its key. */
  readonly userCodeHash: string;
  readonly pollSeconds: number;
  readonly polledAt: number;
  readonly answer: Answer;
}

/** Result of a poll. */
export type PollResult =
  | { readonly kind: "pending" | "slow_down"; readonly pollSeconds: number }
  | { readonly kind: "denied" | "expired" | "unknown" }
  | ({ readonly kind: "approved" } & MadeDevice);

export interface DeviceCodesDeps {
  kv: Kv;
  clock: Clock;
  limits: RateLimiter;
  devices: Devices;
  /** Keyed hash of a user code, which is too short for a plain hash. */
  hashUserCode: (code: string) => string;
}

/** Stores requests for device secrets until they are decided and collected. */
export class DeviceCodes {
  readonly #deps: DeviceCodesDeps;

  constructor(deps: DeviceCodesDeps) {
    this.#deps = deps;
  }

  /**
   * Starts a request. `userCode` is shown to the user, `deviceCode` is the
   * program's secret. Throws AppError `TOOMANYREQUESTS`, and `INVALID_REQUEST`
   * without a name.
   */
  async start(
    request: Omit<DeviceRequest, "createdAt" | "expiresAt">,
  ): Promise<{ deviceCode: string; userCode: string }> {
    const { kv, clock } = this.#deps;
    const name = deviceName(request.name);
    await this.#requireFew(request.address);
    const deviceCode = randomSecret();
    const hash = hashSecret(deviceCode);
    const createdAt = clock.now();
    const expiresAt = createdAt + DEVICE_CODE_SECONDS * 1000;
    for (let attempt = 0; attempt < CODE_ATTEMPTS; attempt++) {
      const userCode = randomUserCode();
      const userCodeHash = this.#deps.hashUserCode(userCode);
      const row: CodeRow = {
        ...request,
        name,
        agent: request.agent.slice(0, 200),
        createdAt,
        expiresAt,
        userCodeHash,
        pollSeconds: POLL_SECONDS,
        polledAt: 0,
        answer: { kind: "pending" },
      };
      const done = await kv.atomic()
        .check(userCodeKey(userCodeHash), null)
        .set(userCodeKey(userCodeHash), hash, { expiresAt })
        .set(deviceCodeKey(hash), row, { expiresAt: expiresAt + KEPT_AFTER_MS })
        .commit();
      if (done) return { deviceCode, userCode };
    }
    throw new AppError("UNAVAILABLE", "No free code was found. Try again.");
  }

  /**
   * Returns the pending request with the code that `did` typed. Throws AppError
   * `NOT_FOUND` when there is none, and `TOOMANYREQUESTS` after too many wrong
   * codes from this account or `address`.
   */
  async find(
    typed: string,
    did: Did,
    address: string,
  ): Promise<DeviceRequest> {
    return (await this.#find(typed, did, address)).value;
  }

  /**
   * Approves a device of `did` for the program, with the permissions that the
   * user granted. Throws like {@linkcode find}, and AppError `DENIED` when the
   * account has too many devices.
   */
  async approve(
    typed: string,
    did: Did,
    address: string,
    granted: { permissions: readonly Permission[]; lifetimeDays: number },
  ): Promise<void> {
    const entry = await this.#find(typed, did, address);
    await this.#deps.devices.requireRoom(did);
    await this.#answer(entry, { kind: "approved", did, ...granted });
  }

  /** Denies the request. Throws like {@linkcode find}. */
  async deny(typed: string, did: Did, address: string): Promise<void> {
    const entry = await this.#find(typed, did, address);
    await this.#answer(entry, { kind: "denied" });
  }

  /**
   * Responds to a poll; the secret is created now and returned once. Throws
   * AppError `DENIED` when the account has reached the maximum of devices
   * meanwhile.
   */
  async poll(deviceCode: string): Promise<PollResult> {
    const { kv, clock } = this.#deps;
    const key = deviceCodeKey(hashSecret(deviceCode));
    const entry = await kv.get<CodeRow>(key);
    if (!entry) return { kind: "unknown" };
    const row = entry.value;
    const now = clock.now();
    if (row.answer.kind === "approved") return await this.#giveOut(entry);
    if (row.answer.kind === "denied") return { kind: "denied" };
    if (!isOpen(row, now)) return { kind: "expired" };
    const early = row.polledAt <= now &&
      now + POLL_LENIENCE_MS < row.polledAt + row.pollSeconds * 1000;
    const pollSeconds = row.pollSeconds + (early ? POLL_SECONDS : 0);
    const next: CodeRow = { ...row, pollSeconds, polledAt: now };
    // When the check fails, the request was just decided: the next poll returns the result.
    await kv.atomic().check(key, entry.versionstamp)
      .set(key, next, { expiresAt: row.expiresAt + KEPT_AFTER_MS }).commit();
    return { kind: early ? "slow_down" : "pending", pollSeconds };
  }

  /** Creates the device of an approved request and consumes the code. */
  async #giveOut({ key, value }: Entry<CodeRow>): Promise<PollResult> {
    const { kv, devices } = this.#deps;
    if (value.answer.kind !== "approved") return { kind: "unknown" };
    const { did, permissions, lifetimeDays } = value.answer;
    const made = await devices.makeIf(
      { did, permissions, lifetimeDays, name: value.name, kind: "device" },
      async (commit) => {
        const current = await kv.get<CodeRow>(key);
        // Another program with the same code was faster: it is consumed.
        if (current === undefined) return false;
        commit.check(key, current.versionstamp).delete(key);
        return true;
      },
    );
    return made ? { kind: "approved", ...made } : { kind: "unknown" };
  }

  async #find(
    typed: string,
    did: Did,
    address: string,
  ): Promise<Entry<CodeRow>> {
    const counted = [
      { rule: GUESSES, subject: did },
      { rule: GUESSES, subject: address },
    ];
    return await limitGuess(
      this.#deps.limits,
      counted,
      () => this.#lookUp(typed),
    );
  }

  async #requireFew(address: string): Promise<void> {
    const { allowed, retryAfterSeconds } = await this.#deps.limits
      .take(STARTS, address);
    if (allowed) return;
    throw new AppError(
      "TOOMANYREQUESTS",
      `Too many codes were asked for from your address. Wait ${retryAfterSeconds} seconds and try again.`,
      { retryAfterSeconds },
    );
  }

  async #lookUp(typed: string): Promise<Entry<CodeRow>> {
    const { kv, hashUserCode } = this.#deps;
    const code = parseUserCode(typed);
    const hash = code && await kv.get<string>(userCodeKey(hashUserCode(code)));
    const entry = hash && await kv.get<CodeRow>(deviceCodeKey(hash.value));
    if (
      entry && entry.value.answer.kind === "pending" &&
      isOpen(entry.value, this.#deps.clock.now())
    ) return entry;
    throw new AppError(
      "NOT_FOUND",
      "This code is not known, has expired or was answered before. Compare it with what the program shows, or start again there.",
    );
  }

  async #answer(entry: Entry<CodeRow>, answer: Answer): Promise<void> {
    const { userCodeHash, expiresAt } = entry.value;
    const done = await this.#deps.kv.atomic()
      .check(entry.key, entry.versionstamp)
      .set(entry.key, { ...entry.value, answer }, {
        expiresAt: expiresAt + KEPT_AFTER_MS,
      })
      .delete(userCodeKey(userCodeHash))
      .commit();
    if (!done) return await this.#answerAgain(entry, answer);
  }

  /** A poll or another decision came in between. */
  async #answerAgain(entry: Entry<CodeRow>, answer: Answer): Promise<void> {
    const current = await this.#deps.kv.get<CodeRow>(entry.key);
    if (current && current.value.answer.kind === "pending") {
      return await this.#answer(current, answer);
    }
    throw new AppError(
      "CONFLICT",
      "This code was answered at the same moment in another window.",
    );
  }
}

/** Whether a request can still be decided. */
function isOpen({ createdAt }: CodeRow, now: number): boolean {
  return isWithin(createdAt, DEVICE_CODE_SECONDS * 1000, now);
}
