/**
 * The token endpoint of the registry: GET with Basic or without login, POST
 * with a form, a password or a refresh token in it (Docker token authentication
 * specification, OAuth 2 form).
 *
 * @module
 */

import { type Context, Hono } from "@hono/hono";
import { z } from "zod";
import type {
  TokenRequest,
  TokenService,
} from "../../lib/auth/token_service.ts";
import { AppError } from "../../lib/errors.ts";
import { parseScopes } from "../../lib/oci/scope.ts";
import { parseAuthorization } from "../../lib/oci/www_authenticate.ts";
import type { ClientAddress } from "../server/client_address.ts";
import type { AppEnv } from "../middleware.ts";
import { readBody } from "../read_body.ts";

/** Bytes of a token request's form. */
const MAX_FORM_BYTES = 64 * 1024;

const formSchema = z.discriminatedUnion("grant_type", [
  z.object({
    grant_type: z.literal("password"),
    username: required("username"),
    password: required("password"),
    access_type: z.string().optional(),
  }),
  z.object({
    grant_type: z.literal("refresh_token"),
    refresh_token: required("refresh_token"),
  }),
], { error: "use grant_type=password or grant_type=refresh_token" });

function required(name: string) {
  const error = `${name} is missing`;
  return z.string(error).min(1, error);
}

/** Serves `/auth/token`. */
export function tokenRoutes(
  service: TokenService,
  addressOf: ClientAddress,
): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/auth/token", async (c) => {
    const credentials = parseAuthorization(c.req.header("authorization"));
    if (credentials?.scheme === "bearer") {
      throw new AppError(
        "UNAUTHORIZED",
        "A Bearer token cannot be exchanged here; log in with your handle and an app password.",
      );
    }
    const scopes = parseScopes(c.req.queries("scope") ?? []);
    return await answer(c, service, {
      scopes,
      offline: c.req.query("offline_token") === "true",
      from: addressOf(c),
      credentials: credentials && {
        username: credentials.username,
        secret: credentials.password,
      },
    });
  });
  app.post("/auth/token", async (c) => {
    const bytes = await readBody(c.req.raw, MAX_FORM_BYTES, "token request");
    const form = new URLSearchParams(new TextDecoder().decode(bytes));
    const parsed = formSchema.safeParse(Object.fromEntries(form));
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new AppError(
        "INVALID_REQUEST",
        `The token request is incomplete: ${issue?.message}.`,
      );
    }
    const { data } = parsed;
    const refreshes = data.grant_type === "refresh_token";
    return await answer(c, service, {
      scopes: parseScopes(form.getAll("scope")),
      offline: !refreshes && data.access_type === "offline",
      from: addressOf(c),
      credentials: refreshes
        ? { refreshToken: data.refresh_token }
        : { username: data.username, secret: data.password },
    });
  });
  app.all("/auth/token", () => {
    throw new AppError(
      "UNSUPPORTED",
      "Tokens are asked for with GET or POST.",
      { detail: { allowed: ["GET", "POST"] } },
    );
  });
  return app;
}

async function answer(
  c: Context<AppEnv>,
  service: TokenService,
  request: TokenRequest,
): Promise<Response> {
  const issued = await service.issue(request);
  return c.json(
    {
      token: issued.token,
      access_token: issued.token,
      expires_in: issued.expiresInSeconds,
      issued_at: issued.issuedAt.toISOString(),
      ...(issued.refreshToken === undefined
        ? {}
        : { refresh_token: issued.refreshToken }),
    },
    200,
    { "cache-control": "no-store" },
  );
}
