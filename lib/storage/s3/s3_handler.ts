/**
 * How requests of the S3 driver are put on the wire. Loaded with the SDK.
 *
 * @module
 */

import { Readable } from "node:stream";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { Attempt } from "./s3_retry.ts";

/**
 * Bytes handed to a connection at a time. A connection says that it took a
 * write only when it took all of it: written whole, a body that moves slowly
 * looks like one that does not move.
 */
const PIECE = 64 * 1024;

type HttpRequest = Parameters<NodeHttpHandler["handle"]>[0];
type HandlerOptions = NonNullable<Parameters<NodeHttpHandler["handle"]>[1]>;

/**
 * Sends requests and tells the {@linkcode Attempt} in their options when the
 * connection takes more of the body and when the head of the answer is there.
 * A body in memory, signed as a whole, goes out in pieces. What the system
 * holds of it, some MiB at most, counts as sent.
 */
export class ProgressHandler extends NodeHttpHandler {
  override async handle(
    request: HttpRequest,
    options: HandlerOptions & Partial<Pick<Attempt, "progress">> = {},
  ): ReturnType<NodeHttpHandler["handle"]> {
    const { progress = () => {} } = options;
    const body: unknown = request.body;
    let sent = request;
    if (body instanceof Uint8Array && body.length > PIECE) {
      sent = request.clone();
      sent.body = inPieces(body, progress);
    }
    const answer = await super.handle(sent, options);
    progress();
    return answer;
  }
}

/** The same bytes, without a copy; `progress` is called for each piece that is asked for. */
function inPieces(bytes: Uint8Array, progress: () => void): Readable {
  let at = 0;
  return new Readable({
    highWaterMark: PIECE,
    read() {
      progress();
      const piece = bytes.subarray(at, at + PIECE);
      at += piece.length;
      this.push(piece.length > 0 ? piece : null);
    },
  });
}
