/**
 * HTTP/1.1 on a raw connection: as little work as possible on the side that
 * measures. It understands what registries answer, not everything that HTTP has.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");
const READ_BYTES = 262_144;
const MAX_HEAD_BYTES = 65_536;
const HEAD_END = encoder.encode("\r\n\r\n");

/** An answer whose body has been read and counted, and kept when asked for. */
export interface Answer {
  readonly status: number;
  /** Status line and header lines. */
  readonly head: string;
  /** Bytes of the body. */
  readonly bytes: number;
  /** The body as text; empty unless asked for. */
  readonly text: string;
}

/** What is sent. */
export interface Call {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  /** Header lines, each with its line end. */
  readonly headers?: string;
  /** Pieces of the body, in order; none of them empty. */
  readonly body?: readonly Uint8Array[];
  /** Sends each piece as a chunk instead of telling the length before. */
  readonly chunked?: boolean;
  /** Keep the body's text. */
  readonly keep?: boolean;
}

/** A connection that is kept open from call to call. */
export class Wire {
  readonly #hostname: string;
  readonly #port: number;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #start = 0;
  #end = 0;
  #conn: Deno.TcpConn | undefined;

  constructor(host: string) {
    const [hostname = "", port = ""] = host.split(":");
    this.#hostname = hostname;
    this.#port = Number(port);
  }

  /** Sends one request and reads its answer to the end. */
  async call(call: Call): Promise<Answer> {
    const conn = await this.#open();
    await this.#send(conn, call);
    let head = await this.#head(conn);
    while (statusOf(head) < 200) head = await this.#head(conn);
    const status = statusOf(head);
    const text: string[] = [];
    const keep = call.keep
      ? (bytes: Uint8Array) => text.push(decoder.decode(bytes))
      : undefined;
    let bytes = 0;
    const length = header(head, "content-length");
    if (call.method !== "HEAD" && status !== 204 && status !== 304) {
      if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
        bytes = await this.#chunks(conn, keep);
      } else {
        bytes = Number(length ?? 0);
        await this.#skip(conn, bytes, keep);
      }
    }
    if (/\r\nconnection: *close/i.test(head)) this.close();
    return { status, head, bytes, text: text.join("") };
  }

  /** Closes the connection; the next call opens a new one. */
  close(): void {
    this.#conn?.close();
    this.#conn = undefined;
    this.#start = this.#end = 0;
  }

  async #open(): Promise<Deno.TcpConn> {
    if (this.#conn !== undefined) return this.#conn;
    const conn = await Deno.connect({
      hostname: this.#hostname,
      port: this.#port,
    });
    conn.setNoDelay(true);
    return this.#conn = conn;
  }

  async #send(conn: Deno.TcpConn, call: Call): Promise<void> {
    const { method, path, headers = "", body = [], chunked = false } = call;
    const length = body.reduce((sum, piece) => sum + piece.length, 0);
    const framing = chunked
      ? "transfer-encoding: chunked\r\n"
      : body.length > 0 || method === "POST" || method === "PUT"
      ? `content-length: ${length}\r\n`
      : "";
    const host = `${this.#hostname}:${this.#port}`;
    const lines = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n`;
    await write(conn, encoder.encode(`${lines}${framing}${headers}\r\n`));
    if (!chunked) {
      for (const piece of body) await write(conn, piece);
      return;
    }
    for (const piece of body) await write(conn, asChunk(piece));
    await write(conn, encoder.encode("0\r\n\r\n"));
  }

  /** Reads up to the empty line. */
  async #head(conn: Deno.TcpConn): Promise<string> {
    for (;;) {
      const seen = this.#buffer.subarray(this.#start, this.#end);
      const end = indexOf(seen, HEAD_END);
      if (end >= 0) {
        this.#start += end + HEAD_END.length;
        return decoder.decode(seen.subarray(0, end + 2));
      }
      if (seen.length > MAX_HEAD_BYTES) throw new Error("endless header");
      await this.#fill(conn);
    }
  }

  async #skip(
    conn: Deno.TcpConn,
    length: number,
    keep?: (bytes: Uint8Array) => void,
  ): Promise<void> {
    for (let rest = length; rest > 0;) {
      if (this.#start === this.#end) await this.#fill(conn);
      const take = Math.min(rest, this.#end - this.#start);
      keep?.(this.#buffer.subarray(this.#start, this.#start + take));
      this.#start += take;
      rest -= take;
    }
  }

  async #chunks(
    conn: Deno.TcpConn,
    keep?: (bytes: Uint8Array) => void,
  ): Promise<number> {
    for (let total = 0;;) {
      const size = parseInt(await this.#line(conn), 16);
      if (!Number.isSafeInteger(size)) throw new Error("bad chunk");
      await this.#skip(conn, size, keep);
      await this.#line(conn);
      if (size === 0) return total;
      total += size;
    }
  }

  async #line(conn: Deno.TcpConn): Promise<string> {
    for (;;) {
      const seen = this.#buffer.subarray(this.#start, this.#end);
      const end = seen.indexOf(10);
      if (end >= 0) {
        this.#start += end + 1;
        return decoder.decode(seen.subarray(0, end)).trimEnd();
      }
      await this.#fill(conn);
    }
  }

  async #fill(conn: Deno.TcpConn): Promise<void> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
    }
    const count = await conn.read(this.#buffer.subarray(this.#end));
    if (count === null) {
      this.close();
      throw new Error("the server has closed the connection");
    }
    this.#end += count;
  }
}

/** A header's value; `undefined` when the answer does not have it. */
export function header(head: string, name: string): string | undefined {
  return new RegExp(`\r\n${name}: *([^\r]*)\r\n`, "i").exec(head)?.[1];
}

function statusOf(head: string): number {
  return Number(head.slice(9, 12));
}

function asChunk(piece: Uint8Array): Uint8Array {
  const size = encoder.encode(`${piece.length.toString(16)}\r\n`);
  const chunk = new Uint8Array(size.length + piece.length + 2);
  chunk.set(size);
  chunk.set(piece, size.length);
  chunk.set([13, 10], size.length + piece.length);
  return chunk;
}

async function write(conn: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  const [first = 0] = wanted;
  for (let at = bytes.indexOf(first); at >= 0;) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
    at = bytes.indexOf(first, at + 1);
  }
  return -1;
}
