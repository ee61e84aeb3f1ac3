/**
 * Device authorization (RFC 8628): a program without a browser shows a code,
 * its owner approves it in a browser, and the program gets a device secret.
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

/** Seconds between two polls, to begin with; each one that comes early adds as many. */
export const POLL_SECONDS = 5;

/** A program may be told for so long that its code has expired. */
const KEPT_AFTER_MS = 600_000;

/** Programs' and people's clocks are not exact to the last moment. */
const POLL_LENIENCE_MS = 500;

/** Two requests get the same code once in 25 thousand million. */
const CODE_ATTEMPTS = 5;

/** Codes that one address may ask for. */
const STARTS: RateLimit = {
  name: "device_start",
  limit: 30,
  windowSeconds: 600,
};

/** Wrong codes that one account, or one address, may type. */
const GUESSES: RateLimit = {
  name: "user_code_guess",
  limit: 10,
  windowSeconds: 900,
};

/** A program's request, as its owner sees it before approving. */
export interface DeviceRequest {
  /** Name that the program gives itself. */
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
  /** As in the key that leads here. */
  readonly userCodeHash: string;
  readonly pollSeconds: number;
  readonly polledAt: number;
  readonly answer: Answer;
}

/** What the program is told when it asks how far things are. */
export type PollResult =
  | { readonly kind: "pending" | "slow_down"; readonly pollSeconds: number }
  | { readonly kind: "denied" | "expired" | "unknown" }
  | ({ readonly kind: "approved" } & MadeDevice);

export interface DeviceCodesDeps {
  kv: Kv;
  clock: Clock;
  limits: RateLimiter;
  devices: Devices;
  /** Keyed hash of a user code, which is too short to be kept as a plain one. */
  hashUserCode: (code: string) => string;
}

/** Keeps requests for device secrets until they are answered and fetched. */
export class DeviceCodes {
  readonly #deps: DeviceCodesDeps;

  constructor(deps: DeviceCodesDeps) {
    this.#deps = deps;
  }

  /**
   * Begins a request. `userCode` is for the person, `deviceCode` the program's
   * secret. Throws AppError `TOOMANYREQUESTS`, and `INVALID_REQUEST` without a
   * name.
   */
  async start(
    request: Omit<DeviceRequest, "createdAt" | "expiresAt">,
  ): Promise<{ deviceCode: string; userCode: string }> {
    const { kv, clock } = this.#deps;
    const name = deviceName(request.name);
    const { allowed, retryAfterSeconds } = await this.#deps.limits
      .take(STARTS, request.address);
    if (!allowed) {
      throw new AppError(
        "TOOMANYREQUESTS",
        `Too many codes were asked for from your address. Wait ${retryAfterSeconds} seconds and try again.`,
        { retryAfterSeconds },
      );
    }
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
   * The open request with the code that `did` typed. Throws AppError
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
   * Lets the program have a device of `did`, with the permissions that the
   * person left it. Throws as {@linkcode find}, and AppError `DENIED` when the
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

  /** Tells the program no. Throws as {@linkcode find}. */
  async deny(typed: string, did: Did, address: string): Promise<void> {
    const entry = await this.#find(typed, did, address);
    await this.#answer(entry, { kind: "denied" });
  }

  /**
   * Answers the program; the secret is made now and given out once. Throws
   * AppError `DENIED` when the account has got too many devices meanwhile.
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
    // When the check fails, the answer has just come in: the next poll gets it.
    await kv.atomic().check(key, entry.versionstamp)
      .set(key, next, { expiresAt: row.expiresAt + KEPT_AFTER_MS }).commit();
    return { kind: early ? "slow_down" : "pending", pollSeconds };
  }

  /** Makes the device of an approved request and uses the code up. */
  async #giveOut({ key, value }: Entry<CodeRow>): Promise<PollResult> {
    const { kv, devices } = this.#deps;
    if (value.answer.kind !== "approved") return { kind: "unknown" };
    const { did, permissions, lifetimeDays } = value.answer;
    const made = await devices.makeIf(
      { did, permissions, lifetimeDays, name: value.name, kind: "device" },
      async (commit) => {
        const current = await kv.get<CodeRow>(key);
        // Another program with the same code was faster: it is used up.
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

  /** A poll of the program came in between, or another answer. */
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

/** Whether a request can still be approved. */
function isOpen({ createdAt }: CodeRow, now: number): boolean {
  return isWithin(createdAt, DEVICE_CODE_SECONDS * 1000, now);
}
