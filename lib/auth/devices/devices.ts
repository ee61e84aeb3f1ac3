/**
 * Devices, approved in the browser, and access tokens, created in the settings:
 * both are a secret that is shown once and stored as a hash, with permissions
 * and an expiry.
 *
 * @module
 */

import { LRUCache } from "lru-cache";
import type { Did } from "../../did.ts";
import { type Clock, endsWithin, isWithin } from "../../clock.ts";
import { AppError } from "../../errors.ts";
import type { Atomic, Entry, Kv } from "../../kv/kv.ts";
import {
  deviceKey,
  deviceOfKey,
  devicesOf,
  deviceTurnKey,
} from "../kv_keys.ts";
import type { Permission } from "../permissions.ts";
import { hashSecret, matchesHash, randomId, randomSecret } from "../secrets.ts";

/** Prefix of every device secret, so that users and secret scanners recognise one. */
export const DEVICE_SECRET_PREFIX = "atcr_device_";

/** Maximum devices and tokens of one account. */
const MAX_DEVICES = 100;

/** Maximum lifetime of a device or token, in days. */
export const MAX_LIFETIME_DAYS = 366;

/** Longest name, in characters. */
const MAX_DEVICE_NAME = 60;

/** How long the state of a device is cached; the maximum delay of a revocation. */
const LIVENESS_MS = 15_000;

/** Use within this time of the last recorded one is not recorded again. */
const USE_NOTED_MS = 60_000;

/** Attempts of a commit under contention with other devices of the account. */
const MAX_COMMITS = 100;

const REMEMBERED = 10_000;
const DAY_MS = 86_400_000;
const SECRET = /^atcr_device_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

/** A device or token. */
export interface Device {
  readonly id: string;
  readonly did: Did;
  readonly name: string;
  /** `device`: approved on request of a program; `token`: created in the settings. */
  readonly kind: "device" | "token";
  readonly permissions: readonly Permission[];
  /** Milliseconds since the Unix epoch, as the times below. */
  readonly createdAt: number;
  readonly expiresAt: number;
  /** To the minute; undefined when it was never used. */
  readonly lastUsedAt: number | undefined;
}

type DeviceRow = Omit<Device, "id"> & { readonly secretHash: string };

/** A device to create. */
export interface NewDevice {
  did: Did;
  name: string;
  kind: Device["kind"];
  permissions: readonly Permission[];
  /** 1 to {@linkcode MAX_LIFETIME_DAYS}. */
  lifetimeDays: number;
}

/** A device with the only copy of its secret. */
export interface MadeDevice {
  readonly device: Device;
  readonly secret: string;
}

/** Creates, verifies, lists and revokes devices and tokens. */
export class Devices {
  readonly #kv: Kv;
  readonly #clock: Clock;
  readonly #alive = new LRUCache<string, { alive: boolean; until: number }>({
    max: REMEMBERED,
  });

  /** @param clock must be the clock of `kv`. */
  constructor(kv: Kv, clock: Clock) {
    this.#kv = kv;
    this.#clock = clock;
  }

  /**
   * Creates a device. Throws AppError `DENIED` when the account has too many,
   * and `INVALID_REQUEST` for a bad name or lifetime.
   */
  async create(wanted: NewDevice): Promise<MadeDevice> {
    const made = await this.makeIf(wanted, () => Promise.resolve(true));
    if (made) return made;
    throw new Error("A device without a condition was not made");
  }

  /**
   * Creates a device in one commit with the mutations of `join`, or none when
   * `join` returns false; `join` is called again when the commit fails.
   * Concurrent creations are counted one after another. Throws like
   * {@linkcode create}, and AppError `UNAVAILABLE`.
   */
  async makeIf(
    wanted: NewDevice,
    join: (commit: Atomic) => Promise<boolean>,
  ): Promise<MadeDevice | undefined> {
    const turn = deviceTurnKey(wanted.did);
    for (let attempt = 0; attempt < MAX_COMMITS; attempt++) {
      const last = await this.#kv.get<number>(turn);
      const commit = this.#kv.atomic().check(turn, last?.versionstamp ?? null);
      if (!await join(commit)) return undefined;
      await this.requireRoom(wanted.did);
      const made = this.#add(commit, wanted);
      const { expiresAt, createdAt } = made.device;
      if (await commit.set(turn, createdAt, { expiresAt }).commit()) {
        return made;
      }
    }
    throw new AppError(
      "UNAVAILABLE",
      "Too many devices of this account are made at the same time. Try again.",
      { retryAfterSeconds: 1 },
    );
  }

  /** Throws AppError `DENIED` when the account has the maximum of devices. */
  async requireRoom(did: Did): Promise<void> {
    if ((await this.list(did)).length >= MAX_DEVICES) {
      throw new AppError(
        "DENIED",
        `You have ${MAX_DEVICES} devices and access tokens already. Revoke one that you no longer need.`,
      );
    }
  }

  /**
   * Adds the device to a commit; it exists once the commit is applied. Throws
   * AppError `INVALID_REQUEST`.
   */
  #add(commit: Atomic, wanted: NewDevice): MadeDevice {
    const name = deviceName(wanted.name);
    const { did, kind, permissions, lifetimeDays } = wanted;
    if (
      !Number.isInteger(lifetimeDays) || lifetimeDays < 1 ||
      lifetimeDays > MAX_LIFETIME_DAYS
    ) {
      throw new AppError(
        "INVALID_REQUEST",
        `A device or token lives for 1 to ${MAX_LIFETIME_DAYS} days.`,
      );
    }
    const id = randomId();
    const secret = `${DEVICE_SECRET_PREFIX}${id}_${randomSecret()}`;
    const createdAt = this.#clock.now();
    const expiresAt = createdAt + lifetimeDays * DAY_MS;
    const row: DeviceRow = {
      did,
      name,
      kind,
      permissions,
      createdAt,
      expiresAt,
      lastUsedAt: undefined,
      secretHash: hashSecret(secret),
    };
    commit.set(deviceKey(id), row, { expiresAt })
      .set(deviceOfKey(did, id), true, { expiresAt });
    return { device: deviceOf(id, row), secret };
  }

  /**
   * Returns the device with this secret and records its use; undefined when
   * there is none (any more).
   */
  async authenticate(secret: string): Promise<Device | undefined> {
    const id = SECRET.exec(secret)?.[1];
    if (id === undefined) return undefined;
    const entry = await this.#kv.get<DeviceRow>(deviceKey(id));
    if (!entry || !matchesHash(secret, entry.value.secretHash)) {
      return undefined;
    }
    return await this.#noteUse(id, entry);
  }

  /** Returns the device `id` and records its use; undefined when there is none (any more). */
  async use(id: string): Promise<Device | undefined> {
    const entry = await this.#kv.get<DeviceRow>(deviceKey(id));
    return entry && await this.#noteUse(id, entry);
  }

  /** The devices of an account, the newest first. */
  async list(did: Did): Promise<Device[]> {
    const ids: string[] = [];
    for await (const { key } of this.#kv.list(devicesOf(did))) {
      ids.push(String(key.at(-1)));
    }
    const entries = await this.#kv.getMany<DeviceRow>(ids.map(deviceKey));
    return entries.flatMap((entry) =>
      entry ? [deviceOf(String(entry.key.at(-1)), entry.value)] : []
    ).sort((a, b) => b.createdAt - a.createdAt);
  }

  /** Revokes the device `id` of `did`. Throws AppError `NOT_FOUND` when the account has none with this id. */
  async revoke(did: Did, id: string): Promise<void> {
    const entry = await this.#kv.get<DeviceRow>(deviceKey(id));
    if (entry?.value.did !== did) {
      throw new AppError(
        "NOT_FOUND",
        "This device or token is not yours, has expired or was revoked before.",
      );
    }
    await this.#kv.atomic().delete(deviceKey(id)).delete(deviceOfKey(did, id))
      .commit();
    this.#alive.delete(id);
  }

  /** Whether the device `id` is valid; a revocation by another instance may take 15 seconds. */
  async isAlive(id: string): Promise<boolean> {
    const now = this.#clock.now();
    const known = this.#alive.get(id);
    if (known && endsWithin(known.until, LIVENESS_MS, now)) return known.alive;
    const alive = await this.#kv.get(deviceKey(id)) !== undefined;
    this.#alive.set(id, { alive, until: now + LIVENESS_MS });
    return alive;
  }

  async #noteUse(id: string, entry: Entry<DeviceRow>): Promise<Device> {
    const now = this.#clock.now();
    const { lastUsedAt, expiresAt } = entry.value;
    if (lastUsedAt !== undefined && isWithin(lastUsedAt, USE_NOTED_MS, now)) {
      return deviceOf(id, entry.value);
    }
    const row: DeviceRow = { ...entry.value, lastUsedAt: now };
    // The check prevents a concurrent revocation from being undone.
    await this.#kv.atomic().check(entry.key, entry.versionstamp)
      .set(entry.key, row, { expiresAt }).commit();
    return deviceOf(id, row);
  }
}

/** Normalises a name: one line, trimmed. Throws AppError `INVALID_REQUEST` when it is empty. */
export function deviceName(name: string): string {
  const line = name.slice(0, 1000).replace(/[\p{C}\p{Z}]+/gu, " ").trim();
  const kept = [...line].slice(0, MAX_DEVICE_NAME).join("");
  if (kept !== "") return kept;
  throw new AppError("INVALID_REQUEST", "Give the device or token a name.");
}

function deviceOf(id: string, row: DeviceRow): Device {
  const { secretHash: _, ...known } = row;
  return { id, ...known };
}
