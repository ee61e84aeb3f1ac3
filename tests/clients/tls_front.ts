/**
 * TLS in front of a registry on plain HTTP, for clients that send no password
 * without it.
 *
 * @module
 */

import { join } from "node:path";
import { run } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { Skip } from "./suite.ts";

/** A front that is listening. */
export interface TlsFront {
  /** `127.0.0.1:PORT`, which clients reach by TLS. */
  readonly host: string;
  /** Path of its certificate, which signs itself. */
  readonly certificate: string;
  [Symbol.dispose](): void;
}

/**
 * Listens and passes bytes on to `target`, `HOST:PORT` as they come.
 *
 * @throws {Skip} without openssl, which makes the certificate in `folder`.
 */
export async function startTlsFront(
  target: string,
  folder: string,
): Promise<TlsFront> {
  const openssl = await findProgram("openssl");
  if (openssl === undefined) throw new Skip("openssl is not installed");
  const certificate = join(folder, "front.crt");
  const key = join(folder, "front.key");
  await run(openssl, [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"],
    ...["-subj", "/CN=front", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", key, "-out", certificate],
  ]);
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: await Deno.readTextFile(certificate),
    key: await Deno.readTextFile(key),
  });
  const { hostname, port } = new URL(`http://${target}`);
  accept(listener, { hostname, port: Number(port) });
  return {
    host: `127.0.0.1:${listener.addr.port}`,
    certificate,
    [Symbol.dispose]: () => listener.close(),
  };
}

async function accept(
  listener: Deno.TlsListener,
  target: { readonly hostname: string; readonly port: number },
): Promise<void> {
  for await (const client of listener) {
    const server = await Deno.connect(target);
    // Either side may leave in the middle, which the other one sees.
    client.readable.pipeTo(server.writable).catch(() => {});
    server.readable.pipeTo(client.writable).catch(() => {});
  }
}
