/**
 * Compares a response's body with its announced length. A proxy in front of the
 * server treats bytes beyond `Content-Length` as the beginning of the next
 * response on the connection, which may be another client's (response
 * smuggling, RFC 9112, section 11.2), and waits for missing bytes. Bodies come
 * from other servers and from disks, so none is trusted.
 *
 * @module
 */

import type { Logger } from "../../lib/log.ts";

/** A body whose length differs from the announced one. */
export interface LengthMismatch {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** Announced bytes. */
  readonly announced: number;
  /** Bytes of the body until it was cut off. */
  readonly produced: number;
}

/** Reports a body that was cut off. */
export function logMismatch(log: Logger, mismatch: LengthMismatch): void {
  log.error("response cut, its length is not the announced one", {
    ...mismatch,
  });
}

/** Whether a response may have a body at all (RFC 9110, section 6.4.1). */
export function mayHaveBody(method: string, status: number): boolean {
  return method !== "HEAD" && status >= 200 && status !== 204 && status !== 304;
}

/**
 * The number of a `Content-Length`; undefined when there is none. A malformed
 * length matches no body.
 */
export function parseLength(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  const text = String(value);
  return /^\d{1,15}$/.test(text) ? Number(text) : NaN;
}

/**
 * Returns the response for `request` with a body that fails as soon as it is
 * longer than announced, and at its end when it is shorter. For servers that
 * close the connection when a body fails.
 */
export function withAnnouncedLength(
  response: Response,
  request: Request,
  onMismatch: (mismatch: LengthMismatch) => void,
): Response {
  const { body, status, headers } = response;
  const announced = parseLength(headers.get("content-length"));
  if (!body || announced === undefined) return response;
  const { method } = request;
  if (!mayHaveBody(method, status)) return response;
  let produced = 0;
  const cut = () => {
    const path = new URL(request.url).pathname;
    onMismatch({ method, path, status, announced, produced });
    return new Error("The body does not have its announced length.");
  };
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        produced += chunk.byteLength;
        if (!(produced <= announced)) throw cut();
        controller.enqueue(chunk);
      },
      flush() {
        if (produced !== announced) throw cut();
      },
    }),
  );
  return new Response(counted, { status, headers });
}
