import assert from "node:assert/strict";
import type { Identity } from "../../lib/atproto/identity/identity.ts";
import type { Did } from "../../lib/did.ts";
import { AppError, isAppError } from "../../lib/errors.ts";
import { parseOwner } from "../../lib/oci/name.ts";
import { ownerOf, type OwnerOfDeps } from "./owner_of.ts";

const did: Did = "did:plc:ewvi7nxzyoun6zhxrhs64oiz";

/** An account that is called new.test, and was called old.test. */
const deps: OwnerOfDeps = {
  owners: {
    resolve: (name) =>
      name === did || name === "new.test"
        ? Promise.resolve({ did, handle: "new.test" } as Identity)
        : Promise.reject(new AppError("NAME_UNKNOWN", "Nobody is called so.")),
  },
  actors: {
    byFormerHandle: (handle) =>
      Promise.resolve(handle === "old.test" ? did : undefined),
  },
};
const admit = () => Promise.resolve();

Deno.test("an old handle stands for the account that had it, and others for nobody", async () => {
  for (const name of ["new.test", did, "old.test"]) {
    const owner = await ownerOf(deps, parseOwner(name), admit);
    assert.equal(owner.handle, "new.test", name);
  }
  await assert.rejects(
    ownerOf(deps, parseOwner("other.test"), admit),
    (error) => isAppError(error, "NAME_UNKNOWN"),
  );
});
