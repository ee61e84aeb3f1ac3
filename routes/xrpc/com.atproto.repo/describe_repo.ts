/**
 * `com.atproto.repo.describeRepo`.
 *
 * @module
 */

import type { DidDocument } from "../../../lib/repo/identity/did_document.ts";
import { type RepoDeps, requireServed } from "../account.ts";
import { method } from "../mount.ts";

/** Describes this account and its collections. */
export function describeRepo(
  deps: RepoDeps & { readonly didDocument: DidDocument },
) {
  const { account, repo, didDocument } = deps;
  return method("com.atproto.repo.describeRepo", {
    async handle({ params }) {
      await requireServed(deps, params.repo);
      return {
        handle: account.handle,
        did: account.did,
        didDoc: { ...didDocument },
        collections: await repo.collections(),
        handleIsCorrect: didDocument.alsoKnownAs.includes(
          `at://${account.handle}`,
        ),
      };
    },
  });
}
