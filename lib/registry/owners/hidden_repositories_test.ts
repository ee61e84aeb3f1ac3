import assert from "node:assert/strict";
import type { Did } from "../../did.ts";
import { AppError, isAppError } from "../../errors.ts";
import type { HoldClient } from "../../hold_api/hold_client.ts";
import { registryKeys } from "../kv_keys.ts";
import { RepositoryList } from "../lists/repository_list.ts";
import { HiddenRepositories } from "./hidden_repositories.ts";
import { openKv } from "../../kv/open_kv.ts";

const ALICE: Did = "did:plc:alicealicealicealiceal22";
const PUBLIC: Did = "did:web:public.example";
const PRIVATE: Did = "did:web:private.example";
const DEAD: Did = "did:web:dead.example";

/** Whether a missing repository of an owner is hidden from others. */
async function isHidden(pushesTo: Did, has: readonly Did[]): Promise<boolean> {
  const kv = await openKv(":memory:");
  for (const [i, holdDid] of has.entries()) {
    const key = registryKeys.repository(ALICE, `r${i}`);
    await kv.set(key, { holdDid, updatedAt: 0 });
  }
  const hidden = new HiddenRepositories({
    holds: {
      get: (did) => {
        if (did === DEAD) {
          return Promise.reject(new AppError("UNAVAILABLE", "It is down."));
        }
        const hold: Partial<HoldClient> = {
          did,
          mayRead: (caller) =>
            Promise.resolve(
              did === PUBLIC || caller === ALICE
                ? { allowed: true }
                : { allowed: false, reason: "It is private." },
            ),
        };
        return Promise.resolve(hold as HoldClient);
      },
    },
    repositories: new RepositoryList(kv),
    owners: { knownHold: () => Promise.resolve(pushesTo) },
  });
  await hidden.requireNoneHidden(ALICE, ALICE);
  try {
    await hidden.requireNoneHidden(ALICE, undefined);
    return false;
  } catch (error) {
    assert.ok(isAppError(error, "UNAUTHORIZED"));
    return true;
  } finally {
    kv.close();
  }
}

Deno.test("an owner hides missing repositories when pushes go to a private hold or any repository is in one", async () => {
  assert.equal(await isHidden(PUBLIC, []), false);
  assert.equal(await isHidden(PUBLIC, [PUBLIC, PUBLIC]), false);
  assert.equal(await isHidden(PRIVATE, []), true);
  assert.equal(await isHidden(PUBLIC, [PUBLIC, PRIVATE]), true);
  assert.equal(await isHidden(DEAD, [PUBLIC]), false);
  assert.equal(await isHidden(DEAD, [PUBLIC, PRIVATE]), true);
});
