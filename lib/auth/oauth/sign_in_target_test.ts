import assert from "node:assert/strict";
import type {
  Identity,
  IdentityResolver,
} from "../../atproto/identity/identity.ts";
import type { Did } from "../../did.ts";
import { AppError, type ErrorCode, isAppError } from "../../errors.ts";
import { type FakeAnswers, fakeFetch } from "../../net/testing_fetch.ts";
import { signInTarget } from "./sign_in_target.ts";
import { identityOf } from "../../atproto/identity/testing_identity.ts";

const alice: Identity = identityOf("did:plc:alicealicealicealiceal22", {
  handle: "alice.example.com",
  pds: "https://pds.example.com",
});

/** The target of `typed`, where names other than alice's fail with `code`. */
function target(
  typed: string,
  servers: FakeAnswers = {},
  code: ErrorCode = "NAME_UNKNOWN",
) {
  const identities: IdentityResolver = {
    resolve: (name) =>
      name === alice.handle || name === alice.did
        ? Promise.resolve(alice)
        : Promise.reject(new AppError(code, `There is no account ${name}.`)),
    forget: () => Promise.resolve(),
  };
  const { fetch } = fakeFetch(servers);
  return signInTarget(typed, { fetch, identities, plainOrigins: [] });
}

Deno.test("handles and DIDs lead to the account, however they are typed", async () => {
  const names = [
    "alice.example.com",
    "@alice.example.com",
    " at://alice.example.com\u202c",
    alice.did,
  ];
  for (const name of names) {
    const did: Did = alice.did;
    assert.deepEqual(await target(name), { input: did, expected: did });
  }
});

Deno.test("a PDS and an entryway are found without https:// before their host", async () => {
  const origin = "https://entryway.example.com";
  const documents = ["oauth-protected-resource", "oauth-authorization-server"];
  const codes = [
    "NAME_UNKNOWN",
    "UPSTREAM_FAILED",
    "UPSTREAM_TIMEOUT",
  ] as const;
  for (const name of documents) {
    const servers = { [`${origin}/.well-known/${name}`]: {} };
    for (const code of codes) {
      assert.deepEqual(
        await target("entryway.example.com", servers, code),
        { input: origin, expected: undefined },
      );
    }
  }
});

Deno.test("a host that is neither keeps the reason why it is no account", async () => {
  for (const code of ["NAME_UNKNOWN", "UPSTREAM_FAILED"] as const) {
    await assert.rejects(
      target("www.example.com", {}, code),
      (error) => isAppError(error, code),
    );
  }
  await assert.rejects(
    target("not a name"),
    (error) => isAppError(error, "INVALID_REQUEST"),
  );
});
