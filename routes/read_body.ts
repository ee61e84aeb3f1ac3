/**
 * Reads small request bodies completely, with a limit.
 *
 * @module
 */

import { joinBytes } from "../lib/bytes.ts";
import { AppError, isAppError } from "../lib/errors.ts";

/**
 * The body of `request`, at most `maxBytes`. Throws AppError `TOO_LARGE` as
 * soon as more arrives, and `INVALID_REQUEST` when the connection breaks;
 * `what` names the content in error messages.
 */
export async function readBody(
  request: Request,
  maxBytes: number,
  what: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const tooLarge = () =>
    new AppError(
      "TOO_LARGE",
      `The ${what} is larger than the limit of ${maxBytes} bytes.`,
      { detail: { limit: maxBytes } },
    );
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  // The rest stays readable, so that it can be drained before the refusal.
  const body = request.body?.values({ preventCancel: true });
  try {
    for await (const chunk of body ?? []) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (cause) {
    if (isAppError(cause)) throw cause;
    throw new AppError(
      "INVALID_REQUEST",
      `The connection broke before the whole ${what} had come. Send it again.`,
      { cause },
    );
  }
  return joinBytes(chunks);
}
