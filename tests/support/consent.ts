/**
 * A user at the sign-in page of the sandbox's PDS, without a browser: the calls
 * that the page's script makes, as of the pinned version of the PDS.
 *
 * @module
 */

import { z } from "zod";
import type { SandboxAccount } from "../../sandbox/launch.ts";

const API = "/@atproto/oauth-provider/~api";

const signedIn = z.object({ ephemeralToken: z.string() });
const redirected = z.object({ url: z.string() });

/**
 * Signs in as `account` at `authorizeUrl` and allows (or rejects) the request.
 * Returns the URL that the PDS redirects the browser to.
 */
export async function consent(
  authorizeUrl: URL,
  account: Pick<SandboxAccount, "handle" | "password" | "did">,
  decision: "consent" | "reject" = "consent",
): Promise<URL> {
  const page = await fetch(authorizeUrl, {
    headers: {
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    },
  });
  await page.body?.cancel();
  if (!page.ok) throw new Error(`the sign-in page answers ${page.status}`);
  const cookies = new Map(
    page.headers.getSetCookie().map((line): [string, string] => {
      const [name = "", value = ""] = line.split(";")[0]?.split("=") ?? [];
      return [name, value];
    }),
  );
  const call = async (method: string, body: unknown, token?: string) => {
    const response = await fetch(new URL(`${API}/${method}`, authorizeUrl), {
      method: "POST",
      headers: {
        "content-type": "application/json",
        "x-csrf-token": cookies.get("csrf-token") ?? "",
        cookie: [...cookies].map((pair) => pair.join("=")).join("; "),
        origin: authorizeUrl.origin,
        referer: authorizeUrl.href,
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "same-origin",
        "sec-fetch-dest": "empty",
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      body: JSON.stringify(body),
    });
    const answer: unknown = await response.json();
    if (response.ok) return answer;
    throw new Error(`${method} answers ${JSON.stringify(answer)}`);
  };
  const { ephemeralToken } = signedIn.parse(
    await call("sign-in", {
      locale: "en",
      username: account.handle,
      password: account.password,
      remember: false,
    }),
  );
  const { url } = redirected.parse(
    await call(
      decision,
      decision === "consent" ? { did: account.did } : {},
      ephemeralToken,
    ),
  );
  const redirect = await fetch(url, {
    redirect: "manual",
    headers: {
      cookie: [...cookies].map((pair) => pair.join("=")).join("; "),
      referer: authorizeUrl.href,
      "sec-fetch-site": "same-origin",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    },
  });
  await redirect.body?.cancel();
  const location = redirect.headers.get("location");
  if (location === null) {
    throw new Error(`the PDS answers ${redirect.status} without a redirect`);
  }
  return new URL(location, url);
}
