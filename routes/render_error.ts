/**
 * Converts errors to responses in the form that the clients of a path expect.
 * The only place that logs failures of the server.
 *
 * @module
 */

import { z } from "zod";
import { AppError, type ErrorCode, isAppError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { CORS_HEADERS } from "./cors.ts";
import { errorPage } from "./pages/error_page.tsx";
import type { Frame } from "./pages/frame/frame.ts";

/** The kind of client that a response is for. */
export type Surface = keyof typeof RENDERERS;

/** The failed request, and how to respond. */
export interface FailedRequest {
  readonly surface: Surface;
  readonly requestId: string;
  readonly log: Logger;
  readonly method: string;
  readonly path: string;
  /** Its header `Accept`. */
  readonly accept?: string | undefined;
  /** Additional headers of the response. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** The frame of an error page. */
  readonly frame?: Frame | undefined;
}

/** Wraps errors other than {@linkcode AppError}; their text is only logged. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  return new AppError(
    "INTERNAL",
    "Something went wrong on our side. Try again; if it persists, report the request id to the operator.",
    { cause: error },
  );
}

/** Renders `error` as the clients of the request expect it, and logs server errors. */
export function renderError(error: unknown, request: FailedRequest): Response {
  const known = asAppError(error);
  const { spec } = known;
  const isFailure = spec.status >= 500 && !CALLERS.has(known.code);
  if (isFailure) {
    request.log.error("request failed", {
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
  const body = RENDERERS[request.surface](known, request);
  headers.set("content-type", body.type);
  for (const more of [body.headers, request.headers]) {
    for (const [name, value] of Object.entries(more ?? {})) {
      headers.set(name, value);
    }
  }
  return new Response(request.method === "HEAD" ? null : body.text, {
    status: spec.status,
    headers,
  });
}

/** Errors that concern the caller alone, despite their status. */
const CALLERS: ReadonlySet<ErrorCode> = new Set([
  "METHOD_NOT_IMPLEMENTED",
  "BUSY",
]);

const allowedSchema = z.object({ allowed: z.array(z.string()) });

/** Value of the `Allow` header of a 405 (RFC 9110); empty if no method is allowed. */
function allowedMethods({ detail }: AppError): string {
  const parsed = allowedSchema.safeParse(detail);
  return parsed.success ? parsed.data.allowed.join(", ") : "";
}

interface Body {
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const json = (value: unknown): Body => ({
  type: "application/json",
  text: JSON.stringify(value),
});

/** The form of errors on each surface. */
const RENDERERS = { oci, xrpc, api, page, avatar };

/** The distribution API (distribution-spec, "Error Codes"). */
function oci({ spec, message, detail }: AppError): Body {
  const more = detail === undefined ? {} : { detail };
  return json({ errors: [{ code: spec.oci, message, ...more }] });
}

function xrpc({ xrpcName, message }: AppError): Body {
  return json({ error: xrpcName, message });
}

function api({ code, message }: AppError): Body {
  return json({ error: code, message });
}

function page(
  { spec, message }: AppError,
  { requestId, frame }: FailedRequest,
): Body {
  return {
    type: "text/html; charset=utf-8",
    text: errorPage({
      status: spec.status,
      title: spec.title,
      message,
      requestId,
      frame,
    }),
  };
}

/**
 * Most clients that request a picture cannot show a page; scripts of any site
 * may read why it is missing.
 */
function avatar(error: AppError, request: FailedRequest): Body {
  // In the table, an unknown name is that of a repository.
  const known = isAppError(error, "NAME_UNKNOWN")
    ? new AppError("NOT_FOUND", error.message)
    : error;
  const { path, accept = "" } = request;
  if (path.endsWith(".json")) {
    return { ...api(known), headers: CORS_HEADERS };
  }
  if (accept.includes("text/html")) {
    return { ...page(known, request), headers: CORS_HEADERS };
  }
  return {
    type: "text/plain; charset=utf-8",
    text: `${known.message}\n`,
    headers: CORS_HEADERS,
  };
}
