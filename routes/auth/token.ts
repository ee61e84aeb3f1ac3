/**
 * The token endpoint of the registry: GET with Basic or without login, POST
 * with a form (Docker token authentication specification, OAuth 2 form).
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
import type { AppEnv } from "../middleware.ts";
import { readBody } from "../read_body.ts";

/** Bytes of a token request's form. */
const MAX_FORM_BYTES = 64 * 1024;

const formSchema = z.object({
  grant_type: z.literal("password", {
    error: "use grant_type=password with username and password",
  }),
  username: z.string().min(1, "username is missing"),
  password: z.string().min(1, "password is missing"),
});

/** Serves `/auth/token`. */
export function tokenRoutes(service: TokenService): Hono<AppEnv> {
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
    return await answer(c, service, {
      scopes: parseScopes(form.getAll("scope")),
      credentials: {
        username: parsed.data.username,
        secret: parsed.data.password,
      },
    });
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
    },
    200,
    { "cache-control": "no-store" },
  );
}
