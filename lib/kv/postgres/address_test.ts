import assert from "node:assert/strict";
import { isAppError } from "../../errors.ts";
import { isPostgres, parsePostgresAddress } from "./address.ts";

Deno.test("an address may name several servers, as libpq takes it", () => {
  assert.deepEqual(
    parsePostgresAddress(
      "postgres://us%40er:p%3Ass@one.example:5433,[::1]/kv?sslmode=verify-full" +
        "&sslrootcert=/ca.pem&application_name=hold&pgbouncer=true",
    ),
    {
      hosts: [{ host: "one.example", port: 5433 }, { host: "::1", port: 5432 }],
      user: "us@er",
      password: "p:ss",
      database: "kv",
      tls: "verify-full",
      rootCertificate: "/ca.pem",
      applicationName: "hold",
      prepared: false,
    },
  );
});

Deno.test("a socket stands in the parameter host, and everything else may be missing", () => {
  const { hosts, user, database, tls, prepared } = parsePostgresAddress(
    "postgresql:///?host=/run/postgresql",
  );
  assert.deepEqual(hosts, [{ host: "/run/postgresql", port: 5432 }]);
  assert.deepEqual([user, database], [undefined, undefined]);
  assert.deepEqual([tls, prepared], ["disable", true]);
});

Deno.test("require trusts any certificate unless an authority is named", () => {
  const tlsOf = (query: string) =>
    parsePostgresAddress(`postgres://db/kv?${query}`).tls;
  assert.equal(tlsOf("sslmode=require"), "require");
  assert.equal(tlsOf("sslmode=require&sslrootcert=/ca.pem"), "verify-ca");
  assert.equal(tlsOf("sslmode=prefer"), "disable");
});

Deno.test("a wrong address is refused without showing the password", () => {
  for (
    const wrong of [
      "postgres://u:hidden@host:99999/kv",
      "postgres://u:hidden@host:x/kv",
      "postgres://u:hidden@host/kv?sslmode=maybe",
      "postgres://u:hidden%zz@host/kv",
      "postgres://u:hidden@a/b/c#d",
    ]
  ) {
    assert.throws(
      () => parsePostgresAddress(wrong),
      (error) =>
        isAppError(error, "INVALID_REQUEST") && !/hidden/.test(error.message),
      wrong,
    );
  }
  assert.equal(isPostgres("/var/lib/postgres://x"), false);
});
