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
  const { certificate, cert, key } = await selfSigned(folder);
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert,
    key,
  });
  const { hostname, port } = new URL(`http://${target}`);
  accept(listener, { hostname, port: Number(port) });
  return {
    host: `127.0.0.1:${listener.addr.port}`,
    certificate,
    [Symbol.dispose]: () => listener.close(),
  };
}

/**
 * Listens and sends requests to `target`, which sees its own address and names
 * that one in its answers: for clients that take the rest by plain HTTP.
 *
 * @throws {Skip} without openssl, which makes the certificate in `folder`.
 */
export async function startTlsProxy(
  target: string,
  folder: string,
): Promise<TlsFront> {
  const { certificate, cert, key } = await selfSigned(folder);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    ({ url, method, headers, body }) => {
      const { pathname, search } = new URL(url);
      const sent = new Headers(headers);
      sent.delete("host");
      return fetch(`http://${target}${pathname}${search}`, {
        method,
        headers: sent,
        body,
        redirect: "manual",
      });
    },
  );
  return {
    host: `127.0.0.1:${server.addr.port}`,
    certificate,
    [Symbol.dispose]: () => void server.shutdown(),
  };
}

/** A certificate that signs itself, in `folder` and as text. */
async function selfSigned(folder: string) {
  const openssl = await findProgram("openssl");
  if (openssl === undefined) throw new Skip("openssl is not installed");
  const certificate = join(folder, "front.crt");
  const keyFile = join(folder, "front.key");
  await run(openssl, [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"],
    ...["-subj", "/CN=front", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", keyFile, "-out", certificate],
  ]);
  return {
    certificate,
    cert: await Deno.readTextFile(certificate),
    key: await Deno.readTextFile(keyFile),
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
