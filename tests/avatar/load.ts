/**
 * Many requests for one path over keep-alive connections, with as little client
 * work as possible, because it shares the machine with the server.
 *
 * @module
 */

const CONNECTIONS = 32;

/** Requests `path` for this many milliseconds; every response must be a redirect. */
export async function load(
  port: number,
  path: string,
  ms: number,
): Promise<{ perSecond: number; count: number }> {
  const request = new TextEncoder().encode(
    `GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`,
  );
  const started = performance.now();
  const until = started + ms;
  let count = 0;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port });
    const buffer = new Uint8Array(16 << 10);
    while (performance.now() < until) {
      await connection.write(request);
      if (!await readRedirect(connection, buffer)) {
        throw new Error("the answer is no redirect");
      }
      count++;
    }
  }));
  return { perSecond: count / (performance.now() - started) * 1000, count };
}

/** Reads one response without body. */
async function readRedirect(
  connection: Deno.TcpConn,
  buffer: Uint8Array,
): Promise<boolean> {
  let length = 0;
  while (!endsHead(buffer, length)) {
    const read = await connection.read(buffer.subarray(length));
    if (read === null) return false;
    length += read;
  }
  return buffer[9] === 0x33 && buffer[10] === 0x30 && buffer[11] === 0x32;
}

const endsHead = (b: Uint8Array, n: number) =>
  n >= 4 && b[n - 4] === 13 && b[n - 3] === 10 && b[n - 2] === 13 &&
  b[n - 1] === 10;
