/**
 * The secret of the installation, from the configuration or from a file that
 * is made on first start.
 *
 * @module
 */

import { AppError } from "../errors.ts";

const FILE = "secret.key";
const BYTES = 32;

/**
 * The 32 secret bytes of `dataDir`, made when there are none. Only for a
 * laptop: several instances must be given one secret by the configuration.
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
