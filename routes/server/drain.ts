/**
 * Drains unread request bodies for a while before the response is sent. Many
 * clients read the response only after they have sent everything, and would see
 * a broken connection instead; and the next request of a connection comes after
 * the rest of the body.
 *
 * @module
 */

/** Maximum bytes drained; enough for any manifest or form. */
const MAX_BYTES = 16 * 1024 * 1024;

/** Time limit, in milliseconds. */
const MAX_MS = 1_000;

/** Drains the body, within limits. Never rejects. */
export async function drainBody(request: Request): Promise<void> {
  const { method } = request;
  if (method === "GET" || method === "HEAD") return;
  const { headers } = request;
  const length = headers.get("content-length") ?? "0";
  if (length === "0" && !headers.has("transfer-encoding")) return;
  const late = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => late.resolve(undefined), MAX_MS);
  try {
    const { body } = request;
    if (!body || body.locked) return;
    const reader = body.getReader();
    // Rejects when the lock is released while a read is pending.
    reader.closed.catch(() => {});
    await Promise.race([drop(reader), late.promise]);
    reader.releaseLock();
  } catch {
    // The client has disconnected.
  } finally {
    clearTimeout(timer);
  }
}

async function drop(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<void> {
  for (let dropped = 0; dropped < MAX_BYTES;) {
    const { done, value } = await reader.read();
    if (done) return;
    dropped += value.byteLength;
  }
}
