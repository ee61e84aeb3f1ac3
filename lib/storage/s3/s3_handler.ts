/**
 * HTTP handler of the S3 driver that reports progress. Loaded with the SDK.
 *
 * @module
 */

import { Readable } from "node:stream";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { Attempt } from "./s3_retry.ts";

/**
 * Bytes per write. A connection reports a write only when it is complete:
 * written at once, a slow body would look like a stalled one.
 */
const PIECE = 64 * 1024;

type HttpRequest = Parameters<NodeHttpHandler["handle"]>[0];
type HandlerOptions = NonNullable<Parameters<NodeHttpHandler["handle"]>[1]>;

/**
 * Sends requests and notifies the {@linkcode Attempt} in their options when the
 * connection accepts more of the body and when the response head arrives. A
 * body in memory, signed as a whole, is sent in pieces. Bytes buffered by the
 * system, some MiB at most, count as sent.
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

/** The same bytes, without a copy; calls `progress` for each piece that is requested. */
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
