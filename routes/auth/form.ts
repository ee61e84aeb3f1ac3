/**
 * Reads small forms.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { AppError } from "../../lib/errors.ts";
import { readBody } from "../read_body.ts";

const MAX_FORM_BYTES = 16 * 1024;

/** The fields of a form. Throws AppError `UNSUPPORTED_MEDIA_TYPE` for another body, `TOO_LARGE` above `maxBytes`, 16 KiB by default. */
export async function readForm(
  c: Context,
  maxBytes: number = MAX_FORM_BYTES,
): Promise<URLSearchParams> {
  const type = c.req.header("content-type")?.split(";")[0]?.trim()
    .toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    throw new AppError(
      "UNSUPPORTED_MEDIA_TYPE",
      "Send a form (application/x-www-form-urlencoded).",
    );
  }
  const bytes = await readBody(c.req.raw, maxBytes, "form");
  return new URLSearchParams(new TextDecoder().decode(bytes));
}
