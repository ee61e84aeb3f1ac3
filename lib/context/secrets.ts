/**
 * The secret of the installation, from the configuration or from a file created
 * on first start.
 *
 * @module
 */

import { AppError } from "../errors.ts";

/** Where the secret comes from. */
export interface SecretSettings {
  readonly secret_key?: Uint8Array | undefined;
  readonly data_dir: string;
  /** Whether nothing is kept, the secret neither. */
  readonly preview?: boolean;
}

const FILE = "secret.key";
const BYTES = 32;

/** The secret of the configuration, else that in the data folder. */
export async function readSecret(
  { secret_key, data_dir, preview }: SecretSettings,
): Promise<Uint8Array> {
  if (preview) return crypto.getRandomValues(new Uint8Array(BYTES));
  return secret_key ?? await localSecret(data_dir);
}

/**
 * Writes a restored secret into `dataDir`. Throws AppError `CONFLICT` when
 * there is another one.
 */
export async function keepSecret(
  dataDir: string,
  secret: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const path = `${dataDir}/${FILE}`;
  await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
  try {
    await Deno.writeFile(path, secret, { createNew: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    const other = await localSecret(dataDir);
    if (other.every((byte, i) => byte === secret[i])) return;
    throw new AppError(
      "CONFLICT",
      `${path} holds another secret key than the backup; move it away if nothing needs it.`,
    );
  }
}

/**
 * Returns the 32 secret bytes in `dataDir`, created when there are none. Only
 * for a single instance: several instances need the same secret in their
 * configuration.
 */
async function localSecret(
  dataDir: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const path = `${dataDir}/${FILE}`;
  await Deno.mkdir(dataDir, { recursive: true, mode: 0o700 });
  try {
    const secret = crypto.getRandomValues(new Uint8Array(BYTES));
    await Deno.writeFile(path, secret, { createNew: true, mode: 0o600 });
    return secret;
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  const secret = await Deno.readFile(path);
  if (secret.length === BYTES) return secret;
  throw new AppError(
    "UNAVAILABLE",
    `${path} does not hold ${BYTES} bytes. Restore it from a backup, or set ATCR_SECRET_KEY; without the right key nobody's session and no hold key can be read.`,
  );
}
