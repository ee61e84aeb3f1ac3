import assert from "node:assert/strict";
import type { Did } from "../../lib/did.ts";
import type { TokenClaims } from "../../lib/auth/registry_tokens.ts";
import { catalogReader } from "./caller.ts";

const ALICE: Did = "did:plc:alicealicealicealiceal22";
const BOB: Did = "did:plc:bobbobbobbobbobbobbobbo2";

/** Names of the repositories that the catalog reads as ALICE. */
function seen(claims: Partial<TokenClaims>): string[] {
  const readerOf = catalogReader({
    did: ALICE,
    grants: [],
    credential: undefined,
    loginAt: 0,
    expiresAt: 0,
    ...claims,
  });
  const refs = [
    ...["app", "team/one", "team/two"].map((repo) => ({ did: ALICE, repo })),
    { did: BOB, repo: "app" },
  ];
  return refs.flatMap((ref) =>
    readerOf(ref) === ALICE
      ? [`${ref.did === BOB ? "bob" : "alice"}/${ref.repo}`]
      : []
  );
}

Deno.test("the catalog lists repositories in the token and those covered by its catalog scope", () => {
  const app = { did: ALICE, repo: "app" };
  const everything = ["alice/app", "alice/team/one", "alice/team/two"];
  const cases: [Partial<TokenClaims>, string[]][] = [
    [{}, []],
    [{ grants: [{ ...app, actions: ["pull"] }] }, ["alice/app"]],
    [{ grants: [{ ...app, actions: ["push"] }] }, []],
    [{ grants: [{ ...app, actions: [], refused: ["pull"] }] }, []],
    [{ catalog: ["team/*"] }, ["alice/team/one", "alice/team/two"]],
    [{ catalog: ["app"] }, ["alice/app"]],
    [{ catalog: [] }, []],
    [{ catalog: ["*"] }, [...everything, "bob/app"]],
    [{ did: undefined, catalog: ["*"] }, []],
  ];
  for (const [claims, expected] of cases) {
    assert.deepEqual(seen(claims), expected, JSON.stringify(claims));
  }
  assert.equal(
    catalogReader(undefined)({ did: ALICE, repo: "app" }),
    undefined,
  );
});
