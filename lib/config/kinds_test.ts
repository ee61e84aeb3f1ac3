import assert from "node:assert/strict";
import {
  bytes,
  did,
  endpoint,
  flag,
  flagOrAuto,
  handleOrDid,
  holdDid,
  host,
  integer,
  key32,
  type Kind,
  kvLocation,
  list,
  origin,
  webSocket,
} from "./kinds.ts";
import { parseListenAddress } from "./listen_address.ts";

/** Parses a value with `kind`; undefined when it is invalid. */
function read<T>(kind: Kind<T>, value: unknown): T | undefined {
  const result = kind.schema.safeParse(value);
  return result.success ? result.data : undefined;
}

Deno.test("flags are parsed from YAML and from common words", () => {
  for (const yes of [true, "true", "TRUE", "1", "yes", "on"]) {
    assert.equal(read(flag(), yes), true);
  }
  for (const no of [false, "false", "0", "no", "off"]) {
    assert.equal(read(flag(), no), false);
  }
  for (const bad of ["", "maybe", 2, null, []]) {
    assert.equal(read(flag(), bad), undefined);
  }
  assert.equal(read(flagOrAuto(), "auto"), "auto");
  assert.equal(read(flagOrAuto(), "on"), true);
});

Deno.test("numbers must be integers within their bounds", () => {
  assert.equal(read(integer(1, 10), "10"), 10);
  assert.equal(read(integer(1, 10), 1), 1);
  for (const bad of ["0", 11, "1.5", 1.5, "1e1", "0x5", "-1", "", NaN, true]) {
    assert.equal(read(integer(1, 10), bad), undefined, String(bad));
  }
});

Deno.test("sizes are parsed with decimal and binary units", () => {
  assert.equal(read(bytes(), 1234), 1234);
  assert.equal(read(bytes(), "1234"), 1234);
  assert.equal(read(bytes(), "5GB"), 5e9);
  assert.equal(read(bytes(), "5 gib"), 5 * 2 ** 30);
  assert.equal(read(bytes(), "1.5kB"), 1500);
  assert.equal(read(bytes(), "10B"), 10);
  for (const bad of ["", "GB", "5XB", "-5GB", "99999PB", -1, 1.5]) {
    assert.equal(read(bytes(), bad), undefined, String(bad));
  }
});

Deno.test("lists are parsed from YAML and from text with commas", () => {
  const ports = list(integer(1, 9));
  assert.deepEqual(read(ports, "1, 2,,3"), [1, 2, 3]);
  assert.deepEqual(read(ports, [1, "2"]), [1, 2]);
  assert.deepEqual(read(ports, ""), []);
  assert.equal(read(ports, "1,10"), undefined);
});

Deno.test("URLs are parsed as origins and hosts", () => {
  assert.equal(read(origin(), "HTTPS://A.example/"), "https://a.example");
  assert.equal(read(origin(), "http://[::1]:80"), "http://[::1]");
  const endpoints = {
    "HTTPS://S3.example/": "https://s3.example",
    "http://127.0.0.1:9000": "http://127.0.0.1:9000",
    "https://s3.example/storage/v1/s3/": "https://s3.example/storage/v1/s3",
  };
  for (const [given, parsed] of Object.entries(endpoints)) {
    assert.equal(read(endpoint(), given), parsed);
  }
  for (const bad of ["s3.example", "https://s3.example/?a=b", "ftp://s3"]) {
    assert.equal(read(endpoint(), bad), undefined, bad);
  }
  for (
    const bad of [
      "a.example",
      "https://a.example/x",
      "https://a.example/?x",
      "https://u:p@a.example",
      "ftp://a.example",
      "https://",
    ]
  ) assert.equal(read(origin(), bad), undefined, bad);
  assert.equal(read(host(), "CDN.example:8443"), "cdn.example:8443");
  assert.equal(read(host(), "https://cdn.example"), "cdn.example");
  for (const bad of ["", "a b", "cdn.example/x", "u@cdn.example"]) {
    assert.equal(read(host(), bad), undefined, bad);
  }
});

Deno.test("WebSocket URLs without a path get that of a Jetstream server", () => {
  assert.equal(
    read(webSocket(), "wss://jet.example"),
    "wss://jet.example/subscribe",
  );
  assert.equal(
    read(webSocket(), "ws://127.0.0.1:6008/a?b=c"),
    "ws://127.0.0.1:6008/a?b=c",
  );
  for (const bad of ["https://jet.example", "jet.example", "wss://u:p@a.b"]) {
    assert.equal(read(webSocket(), bad), undefined, bad);
  }
});

Deno.test("DIDs and handles are validated, old spellings accepted", () => {
  const plc = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";
  assert.equal(read(did(), plc), plc);
  assert.equal(
    read(did(), "did:web:127.0.0.1:8080"),
    "did:web:127.0.0.1%3A8080",
  );
  assert.equal(read(did(), "did:key:z6Mk"), undefined);
  assert.equal(read(did(), "https://hold.example"), undefined);
  assert.equal(
    read(holdDid(), "http://127.0.0.1:8080"),
    "did:web:127.0.0.1%3A8080",
  );
  assert.equal(read(handleOrDid(), "@Alice.Example.com"), "alice.example.com");
  assert.equal(read(handleOrDid(), plc), plc);
  assert.equal(read(handleOrDid(), "alice"), undefined);
});

Deno.test("a key is 32 bytes in base64 or hex, nothing else", () => {
  const key = Uint8Array.from({ length: 32 }, (_, i) => i * 7);
  const base64 = key.toBase64();
  for (
    const text of [
      key.toHex(),
      key.toHex().toUpperCase(),
      base64,
      ` ${base64}\n`,
    ]
  ) assert.deepEqual(read(key32(), text), key);
  assert.deepEqual(read(key32(), base64.replace("=", "")), key);
  for (const bad of ["", "abc", key.toHex().slice(2), base64 + "AA"]) {
    assert.equal(read(key32(), bad), undefined);
  }
});

Deno.test("listen addresses are split into host and port", () => {
  const cases: [string, string | undefined, number][] = [
    [":5000", undefined, 5000],
    ["5000", undefined, 5000],
    ["127.0.0.1:80", "127.0.0.1", 80],
    ["localhost:0", "localhost", 0],
    ["[::1]:5000", "::1", 5000],
  ];
  for (const [text, hostname, port] of cases) {
    assert.deepEqual(parseListenAddress(text), { hostname, port });
  }
  for (const bad of ["", ":", "host", "::1:5000", "a:b", ":65536", "a:1:2"]) {
    assert.equal(parseListenAddress(bad), undefined, bad);
  }
});

Deno.test("the key-value store is a path, memory or a remote address", () => {
  for (
    const good of [
      "",
      ":memory:",
      "/var/lib/atcr/kv",
      "https://kv.example/",
      "postgres://user@db.example:5432,other.example/atcr?sslmode=verify-full",
    ]
  ) {
    assert.equal(read(kvLocation(), good), good);
  }
  assert.equal(read(kvLocation(), "redis://kv.example"), undefined);
});
