/** More connections than the process has file descriptors. */

import assert from "node:assert/strict";
import { freePort } from "../tools/ports.ts";
import { startProgram } from "../support/program.ts";
import { until } from "../support/until.ts";

const DESCRIPTORS = 256;

Deno.test("connections beyond the file descriptors are closed, and the server keeps working", async () => {
  await using program = await startProgram({
    port: freePort(),
    env: { ATCR_SERVER_ROLES: "hold", ATCR_SANDBOX_ENABLED: "false" },
    runner: [
      "sh",
      "-c",
      `ulimit -n ${DESCRIPTORS}; exec "${Deno.execPath()}" run -A "$0"`,
    ],
  });
  const url = `http://127.0.0.1:${program.port}/livez`;
  const idle: Deno.Conn[] = [];
  for (let i = 0; i < DESCRIPTORS + 100; i++) {
    idle.push(
      await Deno.connect({ hostname: "127.0.0.1", port: program.port }),
    );
  }
  await until(() => program.log().includes("server.max_connections"));
  // Open connections still get their response.
  const [first] = idle;
  const request = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
  await first?.write(new TextEncoder().encode(request));
  const head = new Uint8Array(12);
  await first?.read(head);
  assert.equal(new TextDecoder().decode(head), "HTTP/1.1 200");
  for (const conn of idle) conn.close();
  await until(async () => {
    const response = await fetch(url).catch(() => undefined);
    await response?.body?.cancel();
    return response?.status === 200;
  });
  assert.doesNotMatch(program.log(), /listener accepts no connections/);
});
