/**
 * Bodies and abort signals of `node:http` requests, replacing those of
 * @hono/node-server. There a body passes two layers of web streams chunk by
 * chunk, which for an upload in chunks of 32 kB takes as much time as hashing
 * and storing it; and reading the signal opens the body.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { own, release } from "../../lib/storage/owned_bytes.ts";

/** Block size in bytes. */
const BLOCK_BYTES = 256 * 1024;

/** Buffered bytes at which the sender is paused. */
const MAX_WAITING_BYTES = 2 * BLOCK_BYTES;

/** Time after which a partial block is delivered for a slow sender, in milliseconds. */
const HAND_OVER_MS = 1_000;

/**
 * The response to a stalled client, which may have sent part of a body and does
 * not read a message.
 */
const REQUEST_TIMEOUT =
  "HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/**
 * Methods that would open the body a second time, which would lose bytes
 * between the two readers.
 */
const REFUSED = ["arrayBuffer", "blob", "clone", "formData", "json", "text"];

/**
 * Where a request has its body and signal. A property, because what a long-lived
 * WeakMap holds is not freed with the young objects: all of the request and its
 * response would wait for a full garbage collection.
 */
const SOURCE = Symbol("source");

type NodeRequest = Request & { [SOURCE]?: Source };

const replaced: PropertyDescriptorMap = {
  body: {
    get(this: NodeRequest) {
      return this[SOURCE]?.body ?? null;
    },
  },
  signal: {
    get(this: NodeRequest) {
      return this[SOURCE]?.signal;
    },
  },
};
for (const name of REFUSED) {
  replaced[name] = {
    value() {
      throw new TypeError(
        `${name}() of a request does not work here; read its body with readBody.`,
      );
    },
  };
}

/** The prototype of the library's requests, and ours in front of it. */
let prototypes: { readonly theirs: object; readonly ours: object } | undefined;

/** Our prototype for `request`: defining the properties on each request costs more than routing it. */
function prototypeFor(request: Request): object {
  const theirs: object = Object.getPrototypeOf(request);
  if (prototypes?.theirs === theirs) return prototypes.ours;
  prototypes = { theirs, ours: Object.create(theirs, replaced) };
  return prototypes.ours;
}

/**
 * Replaces `body` and `signal` of `request`, which represents `incoming`. The
 * body is delivered in large blocks, with backpressure, and fails when the
 * connection breaks. When no byte arrives for `idleMs` milliseconds, the
 * request gets 408 and the connection is closed. The signal is aborted when the
 * client disconnects before the response is complete.
 */
export function withNodeBody(
  request: Request,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  idleMs: number,
): Request {
  const source = new Source(incoming, outgoing, idleMs);
  Object.setPrototypeOf(request, prototypeFor(request));
  return Object.assign(request, { [SOURCE]: source });
}

class Source {
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #idleMs: number;
  #blocks: Blocks | undefined;
  #abort: AbortController | undefined;

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    idleMs: number,
  ) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#idleMs = idleMs;
  }

  /** Null when the request can have no body, or does not announce one. */
  get body(): ReadableStream<Uint8Array> | null {
    const { method, headers } = this.#incoming;
    if (method === "GET" || method === "HEAD") return null;
    const length = headers["content-length"] ?? "0";
    if (length === "0" && headers["transfer-encoding"] === undefined) {
      return null;
    }
    this.#blocks ??= new Blocks(
      this.#incoming,
      this.#outgoing,
      this.#idleMs,
    );
    return this.#blocks.body;
  }

  get signal(): AbortSignal {
    if (this.#abort) return this.#abort.signal;
    const abort = this.#abort = new AbortController();
    const outgoing = this.#outgoing;
    const gone = () => {
      if (!outgoing.writableFinished) abort.abort(connectionClosed());
    };
    if (outgoing.destroyed) gone();
    // After the other listeners: a released body must not fail first, which the
    // library would report as an error.
    else outgoing.once("close", () => queueMicrotask(gone));
    return abort.signal;
  }
}

function connectionClosed(): Error {
  return new Error("The client closed the connection.");
}

/**
 * The bytes of a request, gathered into blocks. The connection is read while
 * fewer than two blocks are buffered, from the first read until the response is
 * sent; the server drops the rest.
 */
class Blocks {
  readonly #incoming: IncomingMessage;
  readonly #outgoing: ServerResponse;
  readonly #idleMs: number;
  readonly body: ReadableStream<Uint8Array>;
  #pieces: Uint8Array[] = [];
  #waiting = 0;
  #begun = false;
  #over = false;
  /** Why there are no more bytes; undefined at the regular end. */
  #failure: Error | undefined;
  #wake = () => {};

  constructor(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    idleMs: number,
  ) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#idleMs = idleMs;
    this.body = new ReadableStream({
      pull: (controller) => this.#pull(controller),
      cancel: () => this.#drop(),
    }, { highWaterMark: 0 });
  }

  async #pull(
    controller: ReadableStreamDefaultController<Uint8Array>,
  ): Promise<void> {
    if (!this.#begun) this.#begin();
    if (this.#waiting < BLOCK_BYTES && !this.#over) await this.#more();
    if (this.#waiting > 0) controller.enqueue(this.#take());
    else if (this.#failure) throw this.#failure;
    else controller.close();
  }

  #begin(): void {
    this.#begun = true;
    const incoming = this.#incoming;
    incoming.on("data", this.#onData);
    incoming.on("end", this.#onEnd);
    incoming.on("close", this.#onClose);
    // Never removed: an error without a listener would stop the program.
    incoming.on("error", (error) => this.#end(error));
    this.#outgoing.on("finish", this.#drop);
    if (incoming.destroyed) this.#onClose();
  }

  /** Waits for a block, or less if the sender is slow or has finished. */
  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const since = performance.now();
    const timer = setInterval(() => {
      if (this.#waiting > 0) resolve();
      else if (performance.now() - since >= this.#idleMs) this.#stalled();
    }, Math.min(HAND_OVER_MS, this.#idleMs));
    this.#incoming.resume();
    await promise;
    clearInterval(timer);
  }

  /** Aborts a stalled sender. */
  #stalled(): void {
    const seconds = Math.round(this.#idleMs / 1000);
    this.#end(new Error(`The client sent nothing for ${seconds} seconds.`));
    const { socket } = this.#incoming;
    if (!this.#outgoing.headersSent) socket.write(REQUEST_TIMEOUT);
    socket.destroySoon();
  }

  #take(): Uint8Array {
    const pieces = this.#pieces;
    const [first, ...others] = pieces;
    this.#pieces = [];
    const size = this.#waiting;
    this.#waiting = 0;
    // `node:http` copies each piece into a buffer of its own and forgets it.
    if (first && others.length === 0) return own(first);
    const block = Buffer.concat(pieces, size);
    for (const piece of pieces) release(own(piece));
    return own(block);
  }

  readonly #onData = (piece: Uint8Array) => {
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    if (this.#waiting < BLOCK_BYTES) return;
    if (this.#waiting >= MAX_WAITING_BYTES) this.#incoming.pause();
    this.#wake();
  };

  readonly #onEnd = () =>
    this.#end(this.#incoming.complete ? undefined : connectionClosed());

  readonly #onClose = () => this.#end(connectionClosed());

  /** Leaves the rest of the connection to the server, which requires that it is not paused. */
  readonly #drop = () => {
    this.#pieces = [];
    this.#waiting = 0;
    this.#end(new Error("Nobody reads this body any more."));
  };

  #end(failure: Error | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#failure = failure;
    const incoming = this.#incoming;
    incoming.off("data", this.#onData);
    incoming.off("end", this.#onEnd);
    incoming.off("close", this.#onClose);
    this.#outgoing.off("finish", this.#drop);
    this.#wake();
  }
}
