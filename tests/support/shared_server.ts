/**
 * One server for all tests of a file: started before the first, stopped after
 * the last.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
  startServer,
  type TestServer,
  type TestServerOptions,
} from "./server.ts";

/** Options of {@linkcode sharedServer}. */
export interface SharedServerOptions extends TestServerOptions {
  /** Errors that the server may log, by what stands in their lines; none by default. */
  expectedErrors?: RegExp;
}

/**
 * Call it once at the top of a test file; the function that it returns gives
 * the running server inside of tests. The file fails when the server has
 * logged an error that was not expected.
 *
 * ```ts
 * const server = sharedServer();
 * Deno.test("it lives", () => fetch(server().origin));
 * ```
 */
export function sharedServer(
  { expectedErrors, ...options }: SharedServerOptions = {},
): () => TestServer {
  let server: TestServer | undefined;
  Deno.test.beforeAll(async () => {
    server = await startServer(options);
  });
  Deno.test.afterAll(async () => {
    if (!server) return;
    await server[Symbol.asyncDispose]();
    const errors = server.log().split("\n").filter((line) =>
      line.includes('"level":"error"') && !expectedErrors?.test(line)
    );
    assert.deepEqual(errors, []);
  });
  return () => {
    if (!server) throw new Error("The server runs during tests only.");
    return server;
  };
}
