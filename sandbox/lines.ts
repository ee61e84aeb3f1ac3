/**
 * Reads text streams line by line.
 *
 * @module
 */

/** Lines are truncated to this many characters. */
const LONGEST = 65_536;

/** The lines of a UTF-8 stream, without terminators; the last line needs none. */
export async function* lines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + text).split(/\r?\n/);
    rest = (parts.pop() ?? "").slice(0, LONGEST);
    yield* parts;
  }
  if (rest !== "") yield rest;
}
