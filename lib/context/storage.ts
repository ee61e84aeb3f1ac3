/**
 * Opens storage and key-value stores.
 *
 * @module
 */

import { resolve } from "node:path";
import { type Clock, systemClock } from "../clock.ts";
import type { Config } from "../config/config.ts";
import { AppError } from "../errors.ts";
import type { Kv } from "../kv/kv.ts";
import { openKv } from "../kv/open_kv.ts";
import type { BlobStore } from "../storage/blob_store.ts";
import { FilesystemBlobStore } from "../storage/filesystem/filesystem.ts";
import { StorageKeys } from "../storage/object_keys.ts";
import { MemoryBlobStore } from "../storage/memory.ts";
import { S3BlobStore } from "../storage/s3/s3.ts";
import type { S3Credentials, S3Options } from "../storage/s3/s3_client.ts";

/** One storage of the configuration; avatars may have their own. */
export type StorageSettings = Config["storage"];

/** For servers that cannot copy in parts. */
const COPY_WHOLE = { maxWhole: Infinity, piece: Infinity };

/** Opens a store without sending requests. `publicHost` serves its objects to the public. */
export function openStore(
  settings: StorageSettings,
  clock: Clock,
  publicHost?: string,
): BlobStore {
  switch (settings.driver) {
    case "memory":
      return new MemoryBlobStore(clock);
    case "filesystem":
      return new FilesystemBlobStore({ folder: settings.root_dir, clock });
    case "s3":
      return new S3BlobStore(s3Options(settings.s3, publicHost), {
        clock,
        probeKey: new StorageKeys(settings.prefix).upload("probe"),
        ...(settings.s3.part_copy ? {} : { copyLimits: COPY_WHOLE }),
      });
  }
}

/** Name of the place of a store, as rows keep it; the region is part of its address at AWS only. */
export function storeIdOf({ driver, root_dir, s3 }: StorageSettings): string {
  switch (driver) {
    case "memory":
      return "memory";
    case "filesystem":
      return `folder ${resolve(root_dir)}`;
    case "s3":
      return `bucket ${s3.bucket} at ${s3.endpoint ?? "AWS"}`;
  }
}

/** The store of the configuration. Throws like `openKv`. */
export function openConfiguredKv({ kv }: Pick<Config, "kv">): Promise<Kv> {
  return openKv(kv.location, systemClock, { poolSize: kv.pool_size });
}

/** The store at a location written as in `kv.url`. Throws like `openKv`. */
export function openKvAt(location: string): Promise<Kv> {
  return openKv(location);
}

function s3Options(
  s3: StorageSettings["s3"],
  publicHost: string | undefined,
): S3Options {
  const { bucket, region, endpoint, public_endpoint, cdn_host } = s3;
  if (bucket === undefined) {
    throw new AppError("UNAVAILABLE", "Set storage.s3.bucket (S3_BUCKET).");
  }
  const credentials = credentialsOf(s3);
  return {
    bucket,
    region,
    pathStyle: s3.force_path_style,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(public_endpoint === undefined
      ? {}
      : { publicEndpoint: public_endpoint }),
    ...(cdn_host === undefined ? {} : { cdnHost: cdn_host }),
    ...(publicHost === undefined ? {} : { publicHost }),
    ...(credentials ? { credentials } : {}),
  };
}

function credentialsOf(s3: StorageSettings["s3"]): S3Credentials | undefined {
  const { access_key_id, secret_access_key, session_token } = s3;
  if (access_key_id === undefined || secret_access_key === undefined) {
    return undefined;
  }
  return {
    accessKeyId: access_key_id,
    secretAccessKey: secret_access_key,
    ...(session_token === undefined ? {} : { sessionToken: session_token }),
  };
}
