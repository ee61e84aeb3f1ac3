/**
 * The message shown at the first start.
 *
 * @module
 */

import type { Config } from "../lib/config/config.ts";
import type { Sandbox } from "../sandbox/launch.ts";

/** The URL, the accounts and the commands to try. */
export function welcome(config: Config, sandbox: Sandbox): string {
  const { host } = new URL(config.server.base_url);
  const accounts = sandbox.accounts.map(({ handle, password, appPassword }) =>
    `  ${
      handle.padEnd(12)
    } app password ${appPassword}   (account password ${password})`
  );
  const alice = sandbox.accounts.find((a) => a.handle === "alice.test") ??
    sandbox.accounts[0];
  const image = `${host}/${alice?.handle}/hello:latest`;
  return `
ATCR is ready at ${config.server.base_url}

Accounts of the sandbox network (on this machine only):
${accounts.join("\n")}
docker login takes the app password, the pages of the PDS the account password.

Try it:
  echo ${alice?.appPassword} | docker login ${host} -u ${alice?.handle} --password-stdin
  docker pull hello-world && docker tag hello-world ${image}
  docker push ${image}
  docker pull ${image}
`;
}
