/**
 * One server for all tests of a file: started before the first, stopped after
 * the last.
 *
 * @module
 */

import {
  startServer,
  type TestServer,
  type TestServerOptions,
} from "./server.ts";

/**
 * Call it once at the top of a test file; the function that it returns gives
 * the running server inside of tests.
 *
 * ```ts
 * const server = sharedServer();
 * Deno.test("it lives", () => fetch(server().origin));
 * ```
 */
export function sharedServer(
  options: TestServerOptions = {},
): () => TestServer {
  let server: TestServer | undefined;
  Deno.test.beforeAll(async () => {
    server = await startServer(options);
  });
  Deno.test.afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
  });
  return () => {
    if (!server) throw new Error("The server runs during tests only.");
    return server;
  };
}
