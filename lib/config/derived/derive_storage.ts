/**
 * Derives the storage of the hold and of avatars.
 *
 * @module
 */

import { join } from "node:path";
import type { Settings } from "../schema.ts";

/** The hold's storage with defaults filled in; `dataDir` is the folder of everything. */
export function deriveStorage({ storage }: Settings, dataDir: string) {
  const { s3 } = storage;
  const driver = storage.driver ??
    (s3.bucket === undefined ? "filesystem" : "s3");
  return {
    ...storage,
    driver,
    root_dir: storage.root_dir ?? join(dataDir, "blobs"),
    s3: {
      ...s3,
      region: s3.region ?? "us-east-1",
      force_path_style: pathStyle(s3.force_path_style, s3.endpoint),
      part_copy: partCopy(s3.part_copy, s3.endpoint),
    },
  };
}

/** Options for a storage driver. */
export type Storage = ReturnType<typeof deriveStorage>;

/** Storage of avatars: their own bucket, if there is one, else with the blobs. */
export function deriveAvatarStorage(
  settings: Settings,
  storage: Storage,
): Storage {
  return ownBucket(settings.avatar.s3, settings, storage) ?? storage;
}

/** Storage of backups: a bucket or a folder; undefined when none is configured. */
export function deriveBackupStorage(
  settings: Settings,
  storage: Storage,
): Storage | undefined {
  const { root_dir, s3 } = settings.backup;
  if (root_dir !== undefined) {
    return { ...storage, driver: "filesystem", root_dir };
  }
  return ownBucket(s3, settings, storage);
}

/** A bucket of its own; what it does not say is as in `storage.s3`. */
function ownBucket(
  own: Settings["avatar"]["s3"],
  settings: Settings,
  storage: Storage,
): Storage | undefined {
  if (own.bucket === undefined) return undefined;
  const endpoint = own.endpoint ?? storage.s3.endpoint;
  const wanted = own.force_path_style === "auto"
    ? settings.storage.s3.force_path_style
    : own.force_path_style;
  // The two keys belong together and are never mixed with those of the other bucket.
  const keys = own.access_key_id === undefined &&
      own.secret_access_key === undefined
    ? storage.s3
    : own;
  return {
    ...storage,
    driver: "s3",
    s3: {
      bucket: own.bucket,
      region: own.region ?? storage.s3.region,
      endpoint,
      public_endpoint: own.public_endpoint ??
        (own.endpoint === undefined ? storage.s3.public_endpoint : undefined),
      access_key_id: keys.access_key_id,
      secret_access_key: keys.secret_access_key,
      session_token: keys.session_token,
      force_path_style: pathStyle(wanted, endpoint),
      part_copy: partCopy(
        own.part_copy === "auto"
          ? settings.storage.s3.part_copy
          : own.part_copy,
        endpoint,
      ),
      cdn_host: undefined,
    },
  };
}

/** Hosts with virtual-hosted buckets. */
const VIRTUAL_HOSTED =
  /(^|\.)(amazonaws\.com(\.cn)?|tigris\.dev|tigrisfiles\.io|t3\.storage\.dev)$/;

function pathStyle(
  wanted: boolean | "auto",
  endpoint: string | undefined,
): boolean {
  if (wanted !== "auto") return wanted;
  return endpoint !== undefined &&
    !VIRTUAL_HOSTED.test(new URL(endpoint).hostname);
}

/** The S3 interface of Google has no UploadPartCopy. */
function partCopy(
  wanted: boolean | "auto",
  endpoint: string | undefined,
): boolean {
  if (wanted !== "auto") return wanted;
  return endpoint === undefined ||
    new URL(endpoint).hostname !== "storage.googleapis.com";
}
