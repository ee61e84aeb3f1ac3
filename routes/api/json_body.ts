/**
 * Bodies of the JSON API.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import type { z } from "zod";
import { AppError } from "../../lib/errors.ts";
import { readBody } from "../read_body.ts";

const MAX_BODY_BYTES = 16 * 1024;

/**
 * Reads the body of a request and validates it with `schema`. Throws AppError
 * `INVALID_REQUEST` with the reason, and `TOO_LARGE` above 16 KiB.
 */
export async function readJson<T>(
  c: Context,
  schema: z.ZodType<T>,
): Promise<T> {
  const bytes = await readBody(c.req.raw, MAX_BODY_BYTES, "request");
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "The request is not JSON.", {
      cause,
    });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AppError(
    "INVALID_REQUEST",
    `The request is wrong at ${
      issue?.path.join(".") || "its top"
    }: ${issue?.message}.`,
  );
}
