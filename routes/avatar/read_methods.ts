/**
 * The methods of everything that can only be read.
 *
 * @module
 */

import type { Context } from "@hono/hono";
import { AppError } from "../../lib/errors.ts";
import { preflightAnswer } from "../cors.ts";
import type { AppEnv } from "../middleware.ts";

const ALLOWED = ["GET", "HEAD", "OPTIONS"];

/**
 * Answers GET and HEAD by `read`, and OPTIONS with what scripts of other sites
 * may do. Throws AppError `UNSUPPORTED` (405) for every other method.
 */
export async function answerRead(
  c: Context<AppEnv>,
  read: () => Response | Promise<Response>,
): Promise<Response> {
  const { method } = c.req;
  if (method === "GET" || method === "HEAD") return await read();
  if (method === "OPTIONS") {
    const answer = preflightAnswer();
    answer.headers.set("allow", ALLOWED.join(", "));
    return answer;
  }
  throw new AppError(
    "UNSUPPORTED",
    "Pictures can only be read: use GET or HEAD. To change your picture, edit your profile in an app of the network.",
    { detail: { allowed: ALLOWED } },
  );
}
