/** Alert rules, dashboard and the page about them. */

import assert from "node:assert/strict";
import { parse } from "yaml";
import { z } from "zod";
import { product } from "../support/sources.ts";
import { run } from "../support/tool.ts";
import { findProgram } from "../tools/paths.ts";

const FOLDER = new URL("../../deploy/monitoring/", import.meta.url);
const read = (name: string) => Deno.readTextFile(new URL(name, FOLDER));

const rulesSchema = z.object({
  groups: z.array(z.object({
    rules: z.array(z.object({ alert: z.string(), expr: z.string() })),
  })),
});

/** Names of metrics in an expression, without the suffixes of histograms. */
function metricsOf(expression: string): string[] {
  const names = expression.match(/\b(atcr|hold|pds|process)_[a-z_]+/g) ?? [];
  return names.map((name) => name.replace(/_(bucket|sum|count)$/, ""));
}

/** Fails unless the program exports every metric of `expressions`. */
function assertExported(expressions: readonly string[]): void {
  const text = product.map((source) => source.text).join("\n");
  const names = new Set(expressions.flatMap(metricsOf));
  assert.ok(names.size > 10, "no metrics found");
  for (const name of names) {
    const prefix = /^(.*)_(operations_total|operation_duration_seconds)$/
      .exec(name)?.[1];
    assert.ok(
      text.includes(`"${name}"`) ||
        prefix !== undefined && text.includes(`prefix: "${prefix}"`),
      `${name} is not exported`,
    );
  }
}

Deno.test("alerts and dashboard use only metrics that the program exports", async () => {
  const { groups } = rulesSchema.parse(parse(await read("alerts.yml")));
  const rules = groups.flatMap((group) => group.rules);
  assertExported(rules.map(({ expr }) => expr));
  const dashboard = await read("dashboard.json");
  const expressions = [...dashboard.matchAll(/"expr": "(.*)"/g)]
    .map(([, expr = ""]) => expr);
  assertExported(expressions);
});

Deno.test("the documentation says for each alert what to do", async () => {
  const { groups } = rulesSchema.parse(parse(await read("alerts.yml")));
  const page = await Deno.readTextFile(
    new URL("../../docs/monitoring.md", import.meta.url),
  );
  const documented = [...page.matchAll(/^### (Atcr\w+)$/gm)]
    .map(([, name]) => name);
  const alerts = groups.flatMap(({ rules }) => rules.map(({ alert }) => alert));
  assert.deepEqual(documented, alerts);
});

Deno.test("each panel of the dashboard has its own place and number", async () => {
  const { panels } = z.object({
    panels: z.array(z.object({
      id: z.number(),
      gridPos: z.object({ x: z.number(), y: z.number() }),
    })),
  }).parse(JSON.parse(await read("dashboard.json")));
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  const places = panels.map(({ gridPos }) => `${gridPos.x},${gridPos.y}`);
  assert.equal(new Set(places).size, panels.length);
});

const promtool = await findProgram("promtool");

Deno.test({
  name: "the alert rules pass their own test",
  // apt-get install prometheus
  ignore: promtool === undefined,
  fn: async () => {
    assert.ok(promtool);
    for (const args of [["check", "alerts.yml"], ["test", "alerts_test.yml"]]) {
      const [verb = "", file = ""] = args;
      const { code, said } = await run(promtool, [
        verb,
        "rules",
        new URL(file, FOLDER).pathname,
      ]);
      assert.equal(code, 0, said);
    }
  },
});
