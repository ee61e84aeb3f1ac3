/**
 * `backup`, `backup list`, `restore` and `hold restored`.
 *
 * @module
 */

import {
  type BackupManifest,
  getManifest,
  listBackups,
} from "../../lib/backup/manifest.ts";
import {
  backUp,
  type BackupResult,
  pruneBackups,
} from "../../lib/backup/backup.ts";
import { restore } from "../../lib/backup/restore.ts";
import { openSecret, sealSecret } from "../../lib/backup/sealed_secret.ts";
import type { SyncReport } from "../../lib/backup/object_sync.ts";
import { systemClock } from "../../lib/clock.ts";
import type { Config } from "../../lib/config/config.ts";
import { openConfiguredKv, openStore } from "../../lib/context/storage.ts";
import { keepSecret, readSecret } from "../../lib/context/secrets.ts";
import { SecretBox } from "../../lib/crypto/secret_box.ts";
import { AppError } from "../../lib/errors.ts";
import { blobObject } from "../../lib/hold/blobs/blob_object.ts";
import { lastBackupKey } from "../../lib/kv/keys.ts";
import { SCHEMA_VERSION } from "../../lib/kv/operating/schema_version.ts";
import type { BlobStore } from "../../lib/storage/blob_store.ts";
import { StorageKeys } from "../../lib/storage/object_keys.ts";
import { type Command, type CommandCall, valued } from "../command.ts";
import { interruptible } from "./interrupt.ts";
import { withContext } from "../open_context.ts";
import { rowsOfOneMoment } from "./one_moment.ts";

/** Missing blobs that are named; the others are counted. */
const MAX_SHOWN = 20;

/** Commands about backups. */
export const BACKUP_COMMANDS: readonly Command[] = [
  {
    name: "backup",
    synopsis: "[--to FOLDER] [--keep COUNT]",
    doc:
      "back up rows, blobs and the encrypted secret key while the servers run; copies only the blobs that are new, and keeps COUNT backups",
    options: {
      to: valued("FOLDER", "where the backup goes, in place of backup.*"),
      keep: valued("COUNT", "how many backups are kept, with this one"),
    },
    run: backup,
  },
  {
    name: "backup list",
    synopsis: "[--from FOLDER]",
    doc: "list the complete backups",
    options: { from: valued("FOLDER", "where the backups are") },
    run: list,
  },
  {
    name: "restore",
    synopsis: "[--from FOLDER] [ID]",
    doc:
      "restore the newest backup, or ID, into an empty store; goes on where it was stopped; stop all servers first",
    options: { from: valued("FOLDER", "where the backups are") },
    operands: [0, 1],
    run: restoreBackup,
  },
  {
    name: "hold restored",
    doc:
      "after the key-value store was put back by other means than restore: continue the event stream so that no relay refuses it",
    run: (call) => raiseSequence(call, call.config()),
  },
];

async function backup(call: CommandCall): Promise<number> {
  const config = call.config();
  const target = placeOf(config, call.options.get("to"));
  const keep = keepOf(call.options.get("keep"));
  const secret = await readSecret(config);
  const { passphrase } = config.backup;
  return await interruptible(call, async (signal) => {
    await using moment = await rowsOfOneMoment(config, call);
    const keys = new StorageKeys(config.storage.prefix);
    const result = await backUp({
      clock: systemClock,
      rows: moment.rows.entries(),
      schema: SCHEMA_VERSION,
      store: objectsOf(config),
      target,
      prefixes: prefixesOf(config),
      nameOf: (row) => blobObject(keys, row),
      secretKeyId: new SecretBox(secret).keyId,
      secret: passphrase === undefined
        ? undefined
        : await sealSecret(secret, passphrase),
    }, { signal, ...progressOf(call) });
    const { manifest, objects } = result;
    await noteBackup(config, manifest);
    call.print(
      `Backup ${manifest.id}: ${manifest.rows} rows; ${objects.copied} blobs copied (${objects.bytes} bytes), ${objects.present} were there.`,
    );
    if (passphrase === undefined) {
      call.print(
        "It has no secret key. Keep a copy of secret_key elsewhere, or set backup.passphrase.",
      );
    }
    if (keep !== undefined) {
      const gone = await pruneBackups(target, keep, manifest.id);
      call.print(
        `Deleted ${gone.backups} older backups, and ${gone.objects} blobs that only they needed.`,
      );
    }
    return Math.max(damageIn(call, objects), lossIn(call, result));
  });
}

async function list(call: CommandCall): Promise<void> {
  const place = placeOf(call.config(), call.options.get("from"));
  for (const id of await listBackups(place)) call.print(id);
}

async function restoreBackup(call: CommandCall): Promise<number> {
  const config = call.config();
  const source = placeOf(config, call.options.get("from"));
  const manifest = await getManifest(source, call.operands[0]);
  await restoreSecret(config, manifest);
  const code = await interruptible(call, async (signal) => {
    const kv = await openConfiguredKv(config);
    try {
      const { rows, objects } = await restore(
        {
          ...{ kv, source },
          store: objectsOf(config),
          prefixes: prefixesOf(config),
        },
        manifest,
        { signal, ...progressOf(call, manifest) },
      );
      call.print(
        `Restored ${manifest.id}: ${rows} rows, ${objects.copied} blobs (${objects.bytes} bytes).`,
      );
      return damageIn(call, objects);
    } finally {
      kv.close();
    }
  });
  if (code === 0) await raiseSequence(call, config);
  return code;
}

async function raiseSequence(call: CommandCall, config: Config): Promise<void> {
  await withContext(config, async ({ hold }) => {
    if (!hold) return;
    const seq = await hold.repo.restored();
    call.print(`The event stream of ${hold.did} continues at ${seq}.`);
  });
}

/** The place of backups: an option or the configuration. */
function placeOf(config: Config, folder: string | undefined): BlobStore {
  const configured = config.backup.storage;
  const storage = folder === undefined
    ? configured
    : { ...config.storage, driver: "filesystem" as const, root_dir: folder };
  if (storage) return openStore(storage, systemClock);
  throw new AppError(
    "INVALID_REQUEST",
    "Where is the backup? Set backup.root_dir or backup.s3.bucket, or name a folder.",
  );
}

/** The store of blobs; undefined where no hold runs. */
function objectsOf(config: Config): BlobStore | undefined {
  if (!config.server.roles.includes("hold")) return undefined;
  return openStore(config.storage, systemClock);
}

/** What is backed up: blobs; avatars are made again. */
function prefixesOf({ storage }: Config): string[] {
  const keys = new StorageKeys(storage.prefix);
  return [keys.blobs, keys.pdsBlobs];
}

/** For `doctor`, which warns when there is no recent backup. */
async function noteBackup(config: Config, { at }: BackupManifest) {
  const kv = await openConfiguredKv(config);
  try {
    await kv.set(lastBackupKey, { at });
  } finally {
    kv.close();
  }
}

/** Checks that the rows can be decrypted here, and puts the secret key back if it is in the backup. */
async function restoreSecret(
  config: Config,
  { secret, secretKeyId }: BackupManifest,
): Promise<void> {
  const { passphrase } = config.backup;
  if (config.secret_key === undefined && secret && passphrase !== undefined) {
    await keepSecret(config.data_dir, await openSecret(secret, passphrase));
  }
  if (new SecretBox(await readSecret(config)).keyId === secretKeyId) return;
  throw new AppError(
    "INVALID_REQUEST",
    secret && passphrase === undefined
      ? "The backup was made with another secret_key. It has that key, encrypted: set backup.passphrase, and leave secret_key unset."
      : "The backup was made with another secret_key. Set that one; without it the key of the hold cannot be read.",
  );
}

/** Progress of rows, then of blobs; their numbers are known from a backup. */
function progressOf(
  { progress }: CommandCall,
  manifest?: BackupManifest,
): { onRows: (rows: number) => void; onObjects: (report: SyncReport) => void } {
  progress.begin("rows", manifest?.rows);
  let begun = false;
  return {
    onRows: (rows) => progress.at(rows),
    onObjects: ({ copied, present }) => {
      if (!begun) progress.begin("blobs", manifest?.objects);
      begun = true;
      progress.at(copied + present);
    },
  };
}

function damageIn(call: CommandCall, { damaged }: SyncReport): number {
  for (const key of damaged) {
    call.print(`damaged, not copied: ${key}`);
  }
  return damaged.length === 0 ? 0 : 1;
}

/** Prints what the storage has lost; returns the exit code. */
function lossIn(call: CommandCall, { lost }: BackupResult): number {
  if (lost.length === 0) return 0;
  for (const key of lost.slice(0, MAX_SHOWN)) {
    call.print(`missing in the storage: ${key}`);
  }
  if (lost.length > MAX_SHOWN) {
    call.print(`… and ${lost.length - MAX_SHOWN} more`);
  }
  call.print(
    `The storage does not have ${lost.length} blobs that it should have. Copies in the backup are kept. Check that the storage is the right one and mounted. If it is, put the objects back from the backup, or push the images again, then run hold scrub.`,
  );
  return 1;
}

function keepOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new AppError("INVALID_REQUEST", "--keep needs a number above 0.");
}
