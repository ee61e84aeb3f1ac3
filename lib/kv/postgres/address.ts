/**
 * Reads the address of a PostgreSQL server as libpq does, with several hosts.
 *
 * @module
 */

import { AppError } from "../../errors.ts";

/** One server that may answer. */
export interface PostgresHost {
  readonly host: string;
  readonly port: number;
}

/** What an address says. */
export interface PostgresAddress {
  /** In the order in which they are tried; at least one. */
  readonly hosts: readonly PostgresHost[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly tls: TlsMode;
  /** Path of a PEM file with the certificate authorities to trust. */
  readonly rootCertificate: string | undefined;
  /** Name shown in pg_stat_activity. */
  readonly applicationName: string;
  /** False for a pooler that hands each statement to another connection. */
  readonly prepared: boolean;
}

/** As in libpq; `require` encrypts without looking at the certificate, unless `sslrootcert` is given. */
const TLS_MODES = ["disable", "prefer", "require", "verify-ca", "verify-full"];

/** How the connection is encrypted. */
export type TlsMode = "disable" | "require" | "verify-ca" | "verify-full";

const ADDRESS =
  /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;

/** Whether `location` names a PostgreSQL server. */
export function isPostgres(location: string): boolean {
  return /^postgres(ql)?:\/\//.test(location);
}

/**
 * Reads `postgres://user:password@host:port,host:port/database?sslmode=…`.
 * Throws AppError `INVALID_REQUEST`, without the password, when it is wrong.
 */
export function parsePostgresAddress(location: string): PostgresAddress {
  const match = ADDRESS.exec(location);
  if (match === null) throw wrong("it is not postgres://user@host/database");
  const [, login = "", authority = "", database = "", query = ""] = match;
  const params = new URLSearchParams(query);
  const colon = login.indexOf(":");
  const user = colon < 0 ? login : login.slice(0, colon);
  return {
    hosts: parseHosts(params.get("host") ?? authority, params.get("port")),
    user: decoded(user),
    password: colon < 0 ? undefined : decoded(login.slice(colon + 1)),
    database: decoded(database),
    tls: parseTls(params),
    rootCertificate: params.get("sslrootcert") ?? undefined,
    applicationName: params.get("application_name") ?? "atcr",
    prepared: params.get("pgbouncer") !== "true",
  };
}

function parseHosts(list: string, port: string | null): PostgresHost[] {
  return list.split(",").map((text) => {
    const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]*)(?::(\d{1,5}))?$/.exec(text);
    if (match === null) throw wrong(`"${text}" is not a host with a port`);
    const host = decoded(match[1]?.replace(/^\[|\]$/g, "") ?? "");
    const number = Number(match[2] ?? port ?? 5432);
    if (!(number > 0 && number < 65_536)) throw wrong("the port is wrong");
    return { host: host ?? "localhost", port: number };
  });
}

function parseTls(params: URLSearchParams): TlsMode {
  const mode = params.get("sslmode") ?? "disable";
  if (!TLS_MODES.includes(mode)) {
    throw wrong(`sslmode is ${mode}, not one of ${TLS_MODES.join(", ")}`);
  }
  const isTrusted = params.has("sslrootcert");
  if (mode === "verify-full" || mode === "verify-ca") return mode;
  if (mode === "require") return isTrusted ? "verify-ca" : "require";
  return "disable";
}

function decoded(text: string): string | undefined {
  if (text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("a % in it is not followed by two hexadecimal digits");
  }
}

function wrong(why: string): AppError {
  return new AppError(
    "INVALID_REQUEST",
    `The address of PostgreSQL in kv.url cannot be used: ${why}.`,
  );
}
