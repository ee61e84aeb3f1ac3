/**
 * The OpenAPI 3.1 document of the public API, made from the schemas that
 * validate it.
 *
 * @module
 */

import type { ZodObject } from "zod";
import { createDocument, type ZodOpenApiOperationObject } from "zod-openapi";
import { API_REQUESTS } from "../../../lib/auth/api_limit.ts";
import { VERSION } from "../../version.ts";
import type { Operation } from "./operation.ts";
import { errorSchema } from "./schemas.ts";

/** Root of all operations. */
export const API_ROOT = "/api/v1";

/** The document. `origin` is where the API is served. */
export function openApiDocument(
  operations: readonly Operation[],
  origin: string,
) {
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "ATCR",
      version: VERSION,
      summary: "What is known here of repositories in the whole network.",
      description: "Everything can be read without signing in; what lies in " +
        "private holds appears for those who may pull it. Cursors are opaque. " +
        "Each answer has an `ETag`, and `If-None-Match` saves its body. A client " +
        `may send ${API_REQUESTS.limit} requests a minute.`,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: origin }],
    security: [{}, { token: [] }],
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description: "An access token for all repositories, from " +
            "`/settings/devices`.",
        },
      },
    },
    paths: Object.fromEntries(operations.map((one) => [
      `${API_ROOT}${one.path}`,
      { get: described(one) },
    ])),
  });
}

function described(one: Operation): ZodOpenApiOperationObject {
  const { id, summary, description, params, query, response, mayMiss } = one;
  return {
    operationId: id,
    ...{ summary, description },
    requestParams: { ...filled("path", params), ...filled("query", query) },
    responses: {
      200: {
        description: "What was asked for.",
        content: { "application/json": { schema: response } },
      },
      304: { description: "The client has it: see `If-None-Match`." },
      400: failure("A parameter is wrong; the sentence says which."),
      401: failure("The access token is wrong, or was revoked."),
      403: failure("The access token is for some repositories only."),
      ...(mayMiss ? { 404: failure("It is not known here, or private.") } : {}),
      429: {
        ...failure("The client has sent too many requests."),
        headers: {
          "Retry-After": {
            description: "Seconds until the next request is answered.",
            schema: { type: "integer", minimum: 1 },
          },
        },
      },
      default: failure("Any other failure."),
    },
  };
}

function filled<K extends string>(place: K, schema: ZodObject) {
  return Object.keys(schema.shape).length === 0 ? {} : { [place]: schema };
}

function failure(description: string) {
  return {
    description,
    content: { "application/json": { schema: errorSchema } },
  };
}
