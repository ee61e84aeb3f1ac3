/**
 * What is done with a request body that nobody wants: it is read and dropped
 * for a while before the answer goes out. Many clients read the answer only
 * when they have sent everything, and would see a broken connection in its
 * place; and the next request of a connection cannot come past the rest.
 *
 * @module
 */

/** Bytes that are read and dropped; enough for any manifest or form. */
const MAX_BYTES = 16 * 1024 * 1024;

/** How long that may take, in milliseconds. */
const MAX_MS = 1_000;

/** Reads what is left of the body, within limits. Never rejects. */
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
    // The client has gone.
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
