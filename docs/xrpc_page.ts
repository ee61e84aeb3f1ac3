/**
 * The reference of the hold's XRPC methods and records, from the lexicon
 * documents.
 *
 * @module
 */

import { z } from "zod";
import { LEXICON_DOCUMENTS } from "../lexicons/generated.ts";
import { markdownTable } from "./tables.ts";

interface Field {
  readonly type?: string | undefined;
  readonly format?: string | undefined;
  readonly description?: string | undefined;
  readonly ref?: string | undefined;
  readonly items?: Field | undefined;
  readonly maxLength?: number | undefined;
}

const field: z.ZodType<Field> = z.lazy(() =>
  z.object({
    type: z.string().optional(),
    format: z.string().optional(),
    description: z.string().optional(),
    ref: z.string().optional(),
    items: field.optional(),
    maxLength: z.number().optional(),
  })
);
const shape = z.object({
  required: z.array(z.string()).default([]),
  properties: z.record(z.string(), field).default({}),
});
type Shape = z.infer<typeof shape>;

const body = z.object({
  encoding: z.string(),
  schema: shape.optional(),
});
const definition = z.object({
  type: z.string(),
  description: z.string().optional(),
  key: z.string().optional(),
  record: shape.optional(),
  parameters: shape.optional(),
  input: body.optional(),
  output: body.optional(),
  errors: z.array(
    z.object({ name: z.string(), description: z.string().optional() }),
  ).default([]),
});
const lexicon = z.object({
  id: z.string(),
  defs: z.object({ main: definition.optional() }),
});

/** Methods first, then records, each in the order of their NSIDs. */
export function xrpcPage(): string {
  const mains = LEXICON_DOCUMENTS.map((document) => lexicon.parse(document))
    .flatMap(({ id, defs }) => defs.main ? [{ id, ...defs.main }] : [])
    .toSorted((a, b) => a.id < b.id ? -1 : 1);
  const isMethod = ({ type }: { type: string }) =>
    type === "query" || type === "procedure" || type === "subscription";
  const methods = mains.filter(isMethod).map((method) => {
    const verb = method.type === "procedure" ? "POST" : "GET";
    return [
      `### ${method.id}`,
      `\`${verb} /xrpc/${method.id}\`${
        method.type === "subscription" ? " (WebSocket)" : ""
      }. ${method.description ?? ""}`,
      section("Parameters", method.parameters),
      bodySection("Input", method.input),
      bodySection("Output", method.output),
      method.errors.length === 0
        ? ""
        : `Errors: ${
          method.errors.map(({ name }) => `\`${name}\``).join(", ")
        }.`,
    ];
  });
  const records = mains.filter(({ type }) => type === "record").map((main) => [
    `### ${main.id}`,
    `Record key: \`${main.key ?? "any"}\`. ${main.description ?? ""}`,
    section("Fields", main.record),
  ]);
  return ["## Methods", ...methods.flat(), "## Records", ...records.flat()]
    .filter((part) => part !== "").join("\n\n");
}

function bodySection(
  title: string,
  value: z.infer<typeof body> | undefined,
): string {
  if (value === undefined) return "";
  if (value.schema === undefined) return `${title}: \`${value.encoding}\`.`;
  return section(`${title} (\`${value.encoding}\`)`, value.schema);
}

function section(title: string, value: Shape | undefined): string {
  const entries = Object.entries(value?.properties ?? {});
  if (value === undefined || entries.length === 0) return "";
  const rows = entries.map(([name, one]) => [
    `\`${name}\`${value.required.includes(name) ? "" : " (optional)"}`,
    typeOf(one),
    one.description ?? "",
  ]);
  return `${title}:\n\n${markdownTable(["Name", "Type", "Meaning"], rows)}`;
}

function typeOf({ type, format, ref, items, maxLength }: Field): string {
  if (type === "array" && items) return `array of ${typeOf(items)}`;
  const name = type === "ref" && ref !== undefined
    ? `object \`${ref}\``
    : `${type ?? "unknown"}${format === undefined ? "" : ` (${format})`}`;
  return maxLength === undefined ? name : `${name}, at most ${maxLength}`;
}
