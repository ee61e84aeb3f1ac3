/** The whole flow on a new machine: install, approve in the browser, push, revoke. */

import assert from "node:assert/strict";
import { removeEngineFolder, startEngine } from "../clients/engine.ts";
import {
  consentInPage,
  findChromium,
  startChromium,
} from "../support/chromium.ts";
import { installHelper } from "../support/helper.ts";
import { startServer } from "../support/server.ts";
import { CommandError, run } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";

const chromium = await findChromium();
const dockerd = await findProgram("dockerd");

/** Maximum delay of a revocation, in milliseconds. */
const REVOKED_WITHIN_MS = 60_000;

Deno.test({
  name: "from an empty home to a push, and to its end in the settings",
  ignore: chromium === undefined || dockerd === undefined || Deno.uid() !== 0,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "atcr-docker-" });
    const engine = await startEngine(folder);
    try {
      await using server = await startServer();
      await using home = await installHelper(server.origin, {
        DOCKER_HOST: engine.address,
      });
      await using browser = await startChromium(chromium ?? "");
      const page = await browser.page();
      const env = { ...home.env };
      const image = `${server.host}/alice.test/hello:1`;
      const tar = `${folder}/image.tar`;
      await run("tar", ["-C", "/etc", "-cf", tar, "hostname"]);
      await run("docker", ["import", tar, image], { env });
      const push = () => run("docker", ["push", image], { env });

      await home.helper("configure-docker");
      const login = await home.login();
      // Not signed in yet: the page asks for a sign-in, and returns to the code.
      await page.goto(login.page);
      await page.getByLabel("Handle, DID").fill("alice.test");
      await page.getByRole("button", { name: "Continue" }).click();
      await consentInPage(page, "alice-password");
      await page.getByRole("heading", { name: "Connect “docker on" }).waitFor();
      const asked = await page.locator("main").innerText();
      assert.match(asked, /127\.0\.0\.1/);
      assert.match(asked, /docker-credential-atcr\/\d/);
      assert.match(asked, /pull, push: all repositories/);
      assert.ok(asked.includes(login.code));
      await page.getByRole("button", { name: "Connect" }).click();
      await page.getByRole("heading", { name: "is connected" }).waitFor();
      assert.match((await login.done).stderr, /as alice\.test/);
      await push();

      await page.goto(`${server.origin}/settings/devices`);
      await page.getByRole("button", { name: "Revoke docker on" }).click();
      await page.getByText("There are none yet.").waitFor();
      const revokedAt = Date.now();
      const said = await push().then(
        () => "it was taken",
        (error) => error instanceof CommandError ? error.message : "",
      );
      assert.match(said, /has expired or was revoked/);
      assert.ok(Date.now() - revokedAt < REVOKED_WITHIN_MS);
    } finally {
      await engine.stop();
      await removeEngineFolder(folder);
    }
  },
});
