/**
 * Responses of `node:http` that enforce their announced length, and whose
 * progress can be observed.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { type IncomingMessage, ServerResponse } from "node:http";
import { isOwned, release } from "../../lib/storage/owned_bytes.ts";
import {
  type LengthMismatch,
  mayHaveBody,
  parseLength,
} from "./announced_length.ts";

/** Called when bytes were written, or could not be. */
type Written = (error?: Error | null) => void;

/** Larger bodies are written in pieces, so that a slow reader's progress is visible. */
const PIECE_BYTES = 64 * 1024;

/** A response whose body is checked against its announced length. */
export class CountedResponse<
  Request extends IncomingMessage = IncomingMessage,
> extends ServerResponse<Request> {
  /** Called once when the body does not have the announced length; the connection is destroyed. */
  onMismatch: ((mismatch: LengthMismatch) => void) | undefined;
  /**
   * Called when the source of the body fails while the client is connected; the
   * connection is destroyed.
   */
  onFailure: ((path: string, error: Error) => void) | undefined;
  /** Bytes of the body so far. */
  #produced = 0;
  /** Undefined before the head, and if no length applies. */
  #announced: number | undefined;
  #ending = false;
  #cut = false;

  /** Bytes of the body written so far. */
  get produced(): number {
    return this.#produced;
  }

  override writeHead(
    status: number,
    reason?: unknown,
    headers?: unknown,
  ): this {
    const given = typeof reason === "string" ? headers : reason;
    // The base class has an overload for each order of these.
    const head = super.writeHead as (...args: unknown[]) => this;
    if (typeof reason === "string") head.call(this, status, reason, headers);
    else head.call(this, status, reason);
    if (mayHaveBody(this.req.method ?? "GET", status)) {
      const length = lengthIn(given) ?? this.getHeader("content-length");
      this.#announced = parseLength(length);
    }
    return this;
  }

  override write(
    chunk: unknown,
    encoding?: BufferEncoding | Written,
    done?: Written,
  ): boolean {
    if (this.#cut) return false;
    if (!this.#ending && !this.#fits(sizeOf(chunk, encoding))) return false;
    if (isOwned(chunk)) return super.write(chunk, releasing(chunk, encoding));
    if (typeof encoding === "string") return super.write(chunk, encoding, done);
    return super.write(chunk, encoding ?? done);
  }

  override end(
    chunk?: unknown,
    encoding?: BufferEncoding | (() => void),
    done?: () => void,
  ): this {
    if (this.#cut || this.#ending) return this;
    if (this.#announced !== undefined && isLarge(chunk)) {
      const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
      void this.#endInPieces(bytes);
      return this;
    }
    const bytes = typeof chunk === "function" ? 0 : sizeOf(chunk, encoding);
    if (!this.#fits(bytes)) return this;
    if (this.#announced !== undefined && this.#produced !== this.#announced) {
      this.#destroyAll();
      return this;
    }
    // The base class may call write() again.
    this.#ending = true;
    if (typeof chunk === "function") return super.end(chunk as () => void);
    if (typeof encoding === "string") return super.end(chunk, encoding, done);
    return super.end(chunk, encoding ?? done);
  }

  override destroy(error?: Error): this {
    const clientIsThere = !this.destroyed && !this.req.socket.destroyed;
    if (error && clientIsThere) this.onFailure?.(pathOf(this.req), error);
    return super.destroy(error);
  }

  async #endInPieces(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      if (!this.write(piece) && !await this.#drained()) return;
    }
    this.end();
  }

  /** Resolves when more may be written, with false when the connection is closed. */
  #drained(): Promise<boolean> {
    if (this.destroyed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const finish = () => {
        this.off("drain", finish);
        this.off("close", finish);
        resolve(!this.destroyed);
      };
      this.on("drain", finish);
      this.on("close", finish);
    });
  }

  /**
   * Adds `bytes` to the count; returns false, and destroys the connection, when
   * there are too many.
   */
  #fits(bytes: number): boolean {
    this.#produced += bytes;
    if (this.#announced === undefined) return true;
    if (this.#produced <= this.#announced) return true;
    this.#destroyAll();
    return false;
  }

  #destroyAll(): void {
    this.#cut = true;
    // A disconnected client receives no body.
    if (this.destroyed || this.req.socket.destroyed) return;
    this.onMismatch?.({
      method: this.req.method ?? "",
      path: pathOf(this.req),
      status: this.statusCode,
      announced: this.#announced ?? 0,
      produced: this.#produced,
    });
    // Nothing buffered may follow, and no other request of this connection.
    this.req.socket.destroy();
  }
}

/**
 * Releases `chunk` when it was sent. After a failure the system may still be
 * reading it, so that the garbage collector has to free it.
 */
function releasing(
  chunk: Uint8Array,
  done: BufferEncoding | Written | undefined,
): Written {
  return (error) => {
    if (!error) release(chunk);
    if (typeof done === "function") done(error);
  };
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "";
}

function isLarge(chunk: unknown): chunk is string | Uint8Array {
  if (typeof chunk === "string") return chunk.length > PIECE_BYTES;
  return chunk instanceof Uint8Array && chunk.byteLength > PIECE_BYTES;
}

/** `Content-Length` in the arguments of `writeHead`: an object or a flat list. */
function lengthIn(headers: unknown): unknown {
  if (typeof headers !== "object" || headers === null) return undefined;
  if (Array.isArray(headers)) {
    const at = headers.findIndex((name, i) => i % 2 === 0 && isLength(name));
    return at < 0 ? undefined : headers[at + 1];
  }
  for (const name in headers) {
    if (isLength(name)) return headers[name as keyof typeof headers];
  }
  return undefined;
}

function isLength(name: unknown): boolean {
  return typeof name === "string" && name.length === 14 &&
    name.toLowerCase() === "content-length";
}

function sizeOf(chunk: unknown, encoding: unknown): number {
  if (chunk instanceof Uint8Array) return chunk.byteLength;
  if (typeof chunk !== "string") return 0;
  const known = typeof encoding === "string" && Buffer.isEncoding(encoding);
  return Buffer.byteLength(chunk, known ? encoding : undefined);
}
