import assert from "node:assert/strict";
import type { V2Deps } from "./deps.ts";
import { v2Routes } from "./routes.ts";

Deno.test("the owner in the position of a catalog is resolved only for callers that may request unknown names", async () => {
  let admitted = 0;
  const deps: Partial<Record<keyof V2Deps, unknown>> = {
    catalog: true,
    owners: {
      resolve: async (
        _name: string,
        options: { beforeAsking?: () => Promise<void> },
      ) => {
        await options.beforeAsking?.();
        return { did: "did:web:alice.example.com" };
      },
    },
    lists: { catalog: () => Promise.resolve({ items: [], next: undefined }) },
    admitLookUp: () => {
      admitted++;
      return Promise.resolve();
    },
  };
  const app = v2Routes(deps as unknown as V2Deps);
  const answer = await app.request("/v2/_catalog?last=alice.example.com/app");
  assert.equal(answer.status, 200);
  assert.equal(admitted, 1);
});
