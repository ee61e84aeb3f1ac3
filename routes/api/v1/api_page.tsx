/** The page about the public API, made from its document. */

import { Fragment } from "preact";
import { renderPage, type Visitor } from "../../pages/document.tsx";
import { Breakable } from "../../pages/parts/breakable.tsx";
import { API_ROOT, type openApiDocument } from "./openapi.ts";
import type { Operation } from "./operation.ts";

/** Content of the page. */
interface ApiPage {
  readonly visitor: Visitor;
  readonly operations: readonly Operation[];
  readonly document: ReturnType<typeof openApiDocument>;
  readonly origin: string;
}

/** Renders the page. */
export function apiPage(page: ApiPage): string {
  const { visitor, operations, origin } = page;
  return renderPage({
    title: "API",
    visitor,
    isWide: true,
    children: (
      <>
        <h1>API</h1>
        <p>
          Everything that pages show can be read as JSON, from this registry and
          the whole network, without signing in and from any website. Cursors
          are opaque; every answer has an <code>ETag</code>.
        </p>
        <p>
          The same as an OpenAPI document:{" "}
          <a href={`${API_ROOT}/openapi.json`}>openapi.json</a>.
        </p>
        <p>
          What lies in private holds appears for those who may pull it: send an
          {" "}
          <a href="/settings/devices">access token</a> for all repositories as
          {" "}
          <code>Authorization: Bearer …</code>.
        </p>
        <pre><code>{`curl '${origin}${API_ROOT}/search?q=app'`}</code></pre>
        {operations.map((one) => (
          <Section key={one.id} page={page} operation={one} />
        ))}
      </>
    ),
  });
}

function Section(
  { page, operation }: { page: ApiPage; operation: Operation },
) {
  const { id, path, summary, description } = operation;
  const parameters = parametersOf(page, path);
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{summary}</h2>
      <p>
        <code>
          GET <Breakable text={`${API_ROOT}${path}`} />
        </code>
      </p>
      <p>{description.replaceAll("`", "")}</p>
      {parameters.length > 0 && (
        <dl>
          {parameters.map(({ name, values, meaning }) => (
            <Fragment key={name}>
              <dt>
                <code>{name}</code>
              </dt>
              <dd>
                {meaning} <span class="soft">{values}</span>
              </dd>
            </Fragment>
          ))}
        </dl>
      )}
    </section>
  );
}

interface Parameter {
  readonly name: string;
  readonly values: string;
  readonly meaning: string;
}

/** The parameters of a path as the document has them. */
function parametersOf({ document }: ApiPage, path: string): Parameter[] {
  const { parameters = [] } = document.paths?.[`${API_ROOT}${path}`]?.get ?? {};
  return parameters.flatMap((one) => {
    if (!("name" in one)) return [];
    const { name, description = "", required = false, schema } = one;
    return [{
      name,
      values: typeof schema === "object" && !("$ref" in schema)
        ? valuesOf(schema)
        : "",
      meaning: `${required ? "Required. " : ""}${
        description.replaceAll("`", "")
      }`,
    }];
  });
}

interface Described {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

function valuesOf(schema: Described): string {
  const { minimum, maximum } = schema;
  const values = schema.enum
    ? schema.enum.join(", ")
    : minimum === undefined
    ? String(schema.type)
    : `${minimum} to ${maximum}`;
  return schema.default === undefined || schema.default === ""
    ? values
    : `${values} (${schema.default})`;
}
