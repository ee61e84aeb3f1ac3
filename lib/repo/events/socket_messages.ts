/**
 * Encodes frames as WebSocket messages, once for all connections.
 *
 * @module
 */

/** First byte of an unfragmented binary message. */
const FIN_BINARY = 0x82;

/** Encodes unfragmented, unmasked binary messages (RFC 6455, section 5.2). */
export function asMessages(frames: readonly Uint8Array[]): Uint8Array {
  const size = frames.reduce((sum, { length }) => sum + 10 + length, 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const frame of frames) {
    bytes[at++] = FIN_BINARY;
    if (frame.length < 126) {
      bytes[at++] = frame.length;
    } else if (frame.length < 2 ** 16) {
      bytes[at++] = 126;
      view.setUint16(at, frame.length);
      at += 2;
    } else {
      bytes[at++] = 127;
      view.setBigUint64(at, BigInt(frame.length));
      at += 8;
    }
    bytes.set(frame, at);
    at += frame.length;
  }
  return bytes.subarray(0, at);
}
