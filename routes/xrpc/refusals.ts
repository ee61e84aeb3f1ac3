/**
 * Errors of methods with the names in their lexicons.
 *
 * @module
 */

import { type Did, didSchema } from "../../lib/did.ts";
import { AppError } from "../../lib/errors.ts";
import { quote } from "../../lib/text.ts";

/** Throws AppError `INVALID_REQUEST` with an error name of a lexicon. */
export function refuse(message: string, xrpc = "InvalidRequest"): never {
  throw new AppError("INVALID_REQUEST", message, { xrpc });
}

/** Parses a DID. Throws AppError `INVALID_REQUEST` with an error name of a lexicon. */
export function didOf(text: string, xrpc?: string): Did {
  const parsed = didSchema.safeParse(text);
  if (parsed.success) return parsed.data;
  refuse(`${quote(text)} is not a DID.`, xrpc);
}

/** Throws AppError `INVALID_REQUEST` when `list` has more than `max` members. */
export function requireAtMost(
  max: number,
  list: readonly unknown[] | undefined,
  name: string,
): void {
  if (list !== undefined && list.length > max) {
    refuse(`The field ${name} must not have more than ${max} elements.`);
  }
}

/** Runs `work`; failures not caused by the input get the error name of the lexicon. */
export async function failingAs<T>(
  name: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw renamed(error, name, (status) => status >= 500 || status === 409);
  }
}

/** Renames `error` if its HTTP status `applies`. */
export function renamed(
  error: unknown,
  xrpc: string,
  applies: (status: number) => boolean,
): unknown {
  if (!(error instanceof AppError) || !applies(error.spec.status)) return error;
  const { code, message, detail, retryAfterSeconds, cause } = error;
  return new AppError(code, message, {
    xrpc,
    detail,
    cause: cause ?? error,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}
