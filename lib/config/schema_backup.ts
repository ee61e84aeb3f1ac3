/**
 * Settings of backups.
 *
 * @module
 */

import { anyText } from "./kinds.ts";
import { bucketSettings } from "./schema_storage.ts";
import { section, setting } from "./setting.ts";

/** The section `backup`. */
export const backupSettings = section(
  "Where the commands backup and restore keep backups.",
  {
    root_dir: setting(anyText(), {
      doc: "A folder, best of another disk.",
      otherwise: "backup.s3, or the option --to",
    }),
    passphrase: setting(anyText(), {
      doc: "Encrypts secret_key inside the backup. Without it the backup has " +
        "no key, and is worth little without a copy of the key.",
      secret: true,
    }),
    s3: section("A bucket for backups.", bucketSettings("as in storage.s3")),
  },
);
