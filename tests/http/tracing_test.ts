/** Spans of OpenTelemetry, as the runtime exports them. */

import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { startProgram } from "../support/program.ts";
import { freePort } from "../tools/ports.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";

Deno.test("a request, its calls and its log lines are one trace, below the caller's", async () => {
  await using program = await startProgram({
    port: freePort(),
    env: {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_PROTOCOL: "console",
      NO_COLOR: "1",
      ATCR_SANDBOX: "off",
      ATCR_INDEX_FOLLOW: "off",
    },
  });
  const response = await fetch(`${program.origin}/readyz`, {
    headers: { traceparent: `00-${TRACE}-${PARENT}-01` },
  });
  await response.body?.cancel();
  // Spans are exported in batches, the last ones when the program stops.
  await program.stop();
  const log = stripVTControlCharacters(program.log());
  const spans = [...log.matchAll(
    /^SPAN ([^[]+) \[(\w+)\/(\w+)\][^\n]*\n\s+parent: (\w+)/gm,
  )].map(([, name = "", trace, id, parent]) => ({ name, trace, id, parent }));
  const request = spans.find(({ name }) => name.trim() === "GET page");
  assert.equal(request?.trace, TRACE, log);
  assert.equal(request.parent, PARENT);
  for (const name of ["kv get", "storage check"]) {
    const call = spans.find((span) =>
      span.name.trim() === name && span.trace === TRACE
    );
    assert.equal(call?.parent, request.id, name);
  }
  const line = log.split("\n").find((text) => text.includes('"msg":"request"'));
  assert.equal(JSON.parse(line ?? "{}").trace_id, TRACE);
  assert.equal(JSON.parse(line ?? "{}").span_id, request.id);
});
