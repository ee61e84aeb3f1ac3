/**
 * The secret of the installation, from the configuration or from a file created
 * on first start.
 *
 * @module
 */

import { AppError } from "../errors.ts";

const FILE = "secret.key";
const BYTES = 32;

/**
 * Returns the 32 secret bytes in `dataDir`, created when there are none. Only
 * for a single instance: several instances need the same secret in their
 * configuration.
 */
export async function localSecret(
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
