/**
 * Turns errors into answers: OCI JSON below `/v2`, XRPC JSON below `/xrpc`,
 * a page elsewhere, or its sentence alone. The only place that logs failures of the server.
 *
 * @module
 */

import { z } from "zod";
import { AppError, type ErrorSpec } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { errorPage } from "./pages/error_page.tsx";

/** Which kind of client an answer is for. */
export type Surface = "oci" | "xrpc" | "api" | "page" | "text";

/** The surface that a path belongs to. */
export function surfaceOf(pathname: string): Surface {
  if (pathname === "/v2" || pathname.startsWith("/v2/")) return "oci";
  if (pathname === "/auth/token") return "oci";
  if (pathname.startsWith("/xrpc/")) return "xrpc";
  if (pathname.startsWith("/api/")) return "api";
  return "page";
}

/** Wraps what is no {@linkcode AppError}; its text stays in the log. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError(
    "INTERNAL",
    "Something went wrong on our side. Try again; if it persists, report the request id to the operator.",
    { cause: error },
  );
}

/** Renders `error` for `surface`, and logs it when the fault is ours. */
export function renderError(
  error: unknown,
  options: { surface: Surface; requestId: string; log: Logger; method: string },
): Response {
  const known = asAppError(error);
  const { spec } = known;
  // An unknown method is the caller's mistake, whatever its status says.
  if (spec.status >= 500 && known.code !== "METHOD_NOT_IMPLEMENTED") {
    options.log.error("request failed", {
      code: known.code,
      error: known.cause ?? known,
      message: known.message,
      ...(known.operator === undefined ? {} : { reason: known.operator }),
    });
  }
  const headers = new Headers({ "cache-control": "no-store" });
  if (known.retryAfterSeconds !== undefined) {
    headers.set("retry-after", String(Math.ceil(known.retryAfterSeconds)));
  }
  if (spec.status === 405) headers.set("allow", allowedMethods(known));
  const body = BODIES[options.surface](known, spec, options.requestId);
  headers.set("content-type", body.type);
  return new Response(options.method === "HEAD" ? null : body.text, {
    status: spec.status,
    headers,
  });
}

const allowedSchema = z.object({ allowed: z.array(z.string()) });

/** Value of the header that a 405 must have (RFC 9110, Allow); empty where no method is possible. */
function allowedMethods({ detail }: AppError): string {
  const parsed = allowedSchema.safeParse(detail);
  return parsed.success ? parsed.data.allowed.join(", ") : "";
}

type Body = { type: string; text: string };
type BodyRenderer = (error: AppError, spec: ErrorSpec, id: string) => Body;

const json = (value: unknown): Body => ({
  type: "application/json",
  text: JSON.stringify(value),
});

const BODIES: Record<Surface, BodyRenderer> = {
  oci: (error, spec) => {
    const detail = error.detail === undefined ? {} : { detail: error.detail };
    return json({
      errors: [{ code: spec.oci, message: error.message, ...detail }],
    });
  },
  xrpc: (error) => json({ error: error.xrpcName, message: error.message }),
  api: (error) => json({ error: error.code, message: error.message }),
  text: (error) => ({
    type: "text/plain; charset=utf-8",
    text: `${error.message}\n`,
  }),
  page: (error, spec, requestId) => ({
    type: "text/html; charset=utf-8",
    text: errorPage({
      status: spec.status,
      title: spec.title,
      message: error.message,
      requestId,
    }),
  }),
};
