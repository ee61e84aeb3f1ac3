import assert from "node:assert/strict";
import { isAppError } from "../errors.ts";
import { openKv } from "../kv/open_kv.ts";
import { RateLimiter } from "../kv/rate_limit.ts";
import { ManualClock } from "../testing_clock.ts";
import { SignIn, type SignInDeps } from "./sign_in.ts";

Deno.test("one address starts thirty sign-ins in ten minutes, others are not affected", async () => {
  const clock = new ManualClock();
  const kv = await openKv(":memory:", clock);
  const deps: Partial<Record<keyof SignInDeps, unknown>> = {
    limits: new RateLimiter(kv, clock),
    oauth: { begin: () => Promise.resolve(new URL("https://pds.example")) },
  };
  const signIn = new SignIn(deps as unknown as SignInDeps);
  const begin = (address: string) =>
    signIn.begin("alice.test", { browser: "b", returnTo: "/", address });
  for (let i = 0; i < 30; i++) await begin("198.51.100.7");
  await assert.rejects(
    begin("198.51.100.7"),
    (error) => isAppError(error, "TOOMANYREQUESTS"),
  );
  await begin("198.51.100.8");
  kv.close();
});
