/**
 * A TCP relay that counts the bytes that pass it.
 *
 * @module
 */

/** A running relay. */
export interface ByteCounter extends AsyncDisposable {
  /** `127.0.0.1:<port>`, to use in place of the target's. */
  readonly host: string;
  /** Bytes from clients to the target since the last reset. */
  readonly up: number;
  /** Bytes from the target to clients since the last reset. */
  readonly down: number;
  reset(): void;
}

/** Relays connections to `target` (`host:port`). */
export function startByteCounter(target: string): ByteCounter {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const [hostname = "", port = ""] = target.split(":");
  const open = new Set<Deno.Conn>();
  const counts = { up: 0, down: 0 };
  const pump = async (
    from: Deno.Conn,
    to: Deno.Conn,
    way: keyof typeof counts,
  ) => {
    try {
      for await (const chunk of from.readable) {
        counts[way] += chunk.length;
        for (let rest = chunk; rest.length > 0;) {
          rest = rest.subarray(await to.write(rest));
        }
      }
      await to.closeWrite();
    } catch {
      // One side broke off; the other one gets to see it.
      close(to);
    }
  };
  const close = (connection: Deno.Conn) => {
    if (!open.delete(connection)) return;
    try {
      connection.close();
    } catch {
      // It closed by itself.
    }
  };
  const serve = async () => {
    for await (const client of listener) {
      const server = await Deno.connect({ hostname, port: Number(port) });
      open.add(client).add(server);
      void Promise.all([
        pump(client, server, "up"),
        pump(server, client, "down"),
      ]).finally(() => {
        close(client);
        close(server);
      });
    }
  };
  const serving = serve();
  return {
    host: `127.0.0.1:${listener.addr.port}`,
    get up() {
      return counts.up;
    },
    get down() {
      return counts.down;
    },
    reset: () => {
      counts.up = 0;
      counts.down = 0;
    },
    [Symbol.asyncDispose]: async () => {
      listener.close();
      for (const connection of [...open]) close(connection);
      await serving;
    },
  };
}
