/**
 * Reads forms with files.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { AppError } from "../../lib/errors.ts";
import { readBody } from "../read_body.ts";

/** Whether a request has a form with files. */
export function isMultipart(c: Context): boolean {
  const type = c.req.header("content-type") ?? "";
  return type.toLowerCase().startsWith("multipart/form-data");
}

/** The fields of a form with files. Throws AppError `TOO_LARGE` above `maxBytes`, `INVALID_REQUEST` for another body. */
export async function readMultipart(
  c: Context,
  maxBytes: number,
): Promise<FormData> {
  const bytes = await readBody(c.req.raw, maxBytes, "form");
  const type = c.req.header("content-type") ?? "";
  try {
    const headers = { "content-type": type };
    return await new Response(bytes, { headers }).formData();
  } catch (cause) {
    throw new AppError("INVALID_REQUEST", "The form cannot be read.", {
      cause,
    });
  }
}

/** The bytes of a file in a form; undefined where none was chosen. */
export async function fileOf(
  form: FormData,
  name: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const file = form.get(name);
  if (!(file instanceof File) || file.size === 0) return undefined;
  return new Uint8Array(await file.arrayBuffer());
}
