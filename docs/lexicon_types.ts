/**
 * Generates TypeScript types of lexicon documents: records, inputs and outputs
 * of methods. All are types of the JSON on the wire: blobs, links and bytes are
 * in their JSON form.
 *
 * @module
 */

import type { LexiconDoc, LexUserType } from "@atproto/lexicon";

/** A type of a document, with the members that this generator reads. */
interface Schema {
  readonly type: string;
  readonly description?: string | undefined;
  readonly properties?: Readonly<Record<string, Schema>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly nullable?: readonly string[] | undefined;
  readonly items?: Schema | undefined;
  readonly ref?: string | undefined;
  readonly refs?: readonly string[] | undefined;
  readonly closed?: boolean | undefined;
  readonly const?: string | number | boolean | undefined;
  readonly enum?: readonly (string | number)[] | undefined;
  readonly default?: unknown | undefined;
}

/** A query, a procedure or a subscription. */
export type MethodDefinition = Extract<
  LexUserType,
  { type: "query" | "procedure" | "subscription" }
>;

/** The method that a document defines, if it defines one. */
export function methodOf({ defs }: LexiconDoc): MethodDefinition | undefined {
  const { main } = defs;
  const isMethod = main?.type === "query" || main?.type === "procedure" ||
    main?.type === "subscription";
  return isMethod ? main : undefined;
}

/**
 * How optional members are typed: records and input must not have undefined
 * members; outputs may, because JSON omits them.
 */
type Optional = "?: T" | "?: T | undefined";

/** Writes the types of some documents. */
export class TypeWriter {
  readonly #definitions = new Map<
    string,
    { optional: Optional; type: string }
  >();
  readonly #documents: ReadonlyMap<string, LexiconDoc>;

  /** `documents` are all documents that may be referenced. */
  constructor(documents: Iterable<LexiconDoc>) {
    this.#documents = new Map([...documents].map((one) => [one.id, one]));
  }

  /** The interfaces `RecordTypes`, `Methods` and `Definitions` for what `documents` define. */
  write(documents: readonly LexiconDoc[]): string {
    const records: string[] = [];
    const methods: string[] = [];
    for (const document of documents) {
      const { id, defs: { main } } = document;
      const method = methodOf(document);
      if (method) methods.push(`"${id}": ${this.#method(id, method)};`);
      if (main?.type === "record") {
        const type = this.#object(id, main.record, "?: T");
        records.push(`"${id}": { $type: "${id}" } & ${type};`);
      }
    }
    const definitions = [...this.#definitions].sort(([a], [b]) =>
      a < b ? -1 : 1
    )
      .map(([name, { type }]) => `"${name}": ${type};`);
    const block = (comment: string, name: string, lines: readonly string[]) =>
      `/** ${comment} */\nexport interface ${name} {\n${lines.join("\n")}\n}\n`;
    return [
      block("Records by their NSID.", "RecordTypes", records),
      block("Methods by their NSID.", "Methods", methods),
      block(
        "Other definitions by their reference.",
        "Definitions",
        definitions,
      ),
    ].join("\n");
  }

  #method(nsid: string, method: MethodDefinition): string {
    const body = (
      part: { schema?: Schema | undefined } | undefined,
      isInput: boolean,
    ) => {
      if (part === undefined) return "undefined";
      if (part.schema === undefined) return "Bytes";
      const optional = isInput ? "?: T" : "?: T | undefined";
      return this.#type(nsid, part.schema, optional, isInput);
    };
    const input = method.type === "procedure" ? method.input : undefined;
    const output = method.type === "subscription" ? {} : method.output;
    const errors = (method.errors ?? []).map(({ name }) => `"${name}"`);
    const parameters = method.parameters ?? { type: "params", properties: {} };
    return `{
      params: ${this.#object(nsid, parameters, "?: T", true)};
      input: ${body(input, true)};
      output: ${body(output, false)};
      errors: ${errors.length === 0 ? "never" : errors.join(" | ")};
    }`;
  }

  /** `isFilled` means that defaults have been filled in. */
  #object(
    nsid: string,
    schema: Schema,
    optional: Optional,
    isFilled = false,
  ): string {
    const { properties = {}, required = [], nullable = [] } = schema;
    const members = Object.entries(properties).map(([name, property]) => {
      const isThere = required.includes(name) ||
        (isFilled && property.default !== undefined);
      const type = this.#type(nsid, property, optional) +
        (nullable.includes(name) ? " | null" : "");
      const { description } = property;
      const comment = description ? `/** ${description} */\n` : "";
      if (isThere) return `${comment}${name}: ${type};`;
      return `${comment}${name}${optional.replace("T", () => type)};`;
    });
    return members.length === 0 ? "Empty" : `{\n${members.join("\n")}\n}`;
  }

  #type(
    nsid: string,
    schema: Schema,
    optional: Optional,
    isFilled = false,
  ): string {
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum) {
      return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
    }
    switch (schema.type) {
      case "integer":
        return "number";
      case "string":
      case "boolean":
        return schema.type;
      case "token":
        return "string";
      case "unknown":
        return "JsonObject";
      case "blob":
        return "BlobRef";
      case "cid-link":
        return "{ $link: string }";
      case "bytes":
        return "{ $bytes: string }";
      case "object":
        return this.#object(nsid, schema, optional, isFilled);
      case "array": {
        const { items = { type: "unknown" } } = schema;
        const type = this.#type(nsid, items, optional);
        return type.includes("|")
          ? `ReadonlyArray<${type}>`
          : `readonly ${type}[]`;
      }
      case "ref":
        return this.#reference(nsid, schema.ref ?? "", optional);
      case "union": {
        const known = (schema.refs ?? []).map((ref) =>
          `{ $type: "${absolute(nsid, ref)}" } & ${
            this.#reference(nsid, ref, optional)
          }`
        );
        return [...known, ...schema.closed ? [] : ["Other"]].join(" | ");
      }
    }
    throw new Error(`${nsid}: the type ${schema.type} is not supported.`);
  }

  /** Types used in records, inputs and outputs get the strictest form. */
  #reference(from: string, ref: string, optional: Optional): string {
    const name = absolute(from, ref);
    const [nsid = "", key = "main"] = name.split("#");
    const found = this.#documents.get(nsid)?.defs[key];
    if (!found) {
      throw new Error(`${from} refers to ${ref}, which is not there.`);
    }
    if (found.type === "record") return `RecordTypes["${nsid}"]`;
    const before = this.#definitions.get(name);
    if (before === undefined || before.optional > optional) {
      const definition = { optional, type: "" };
      this.#definitions.set(name, definition); // The definition may refer to itself.
      definition.type = this.#type(nsid, found as Schema, optional);
    }
    return `Definitions["${name}"]`;
  }
}

/** A reference with the NSID of its document. */
function absolute(nsid: string, ref: string): string {
  return ref.startsWith("#") ? `${nsid}${ref}` : ref;
}
