/** The page on installing the credential helper. */

import { CopyBox } from "./parts/copy_box.tsx";
import { renderPage, type Visitor } from "./document.tsx";

/** Renders the page; `origin` is the address of the registry. */
export function installPage(
  props: { visitor: Visitor; origin: string; registry: string },
): string {
  const { visitor, origin, registry } = props;
  const file = `${origin}/install/docker-credential-atcr.js`;
  const image = `${registry}/${visitor.account?.name ?? "your.handle"}/app`;
  return renderPage({
    title: "Credential helper",
    visitor,
    children: (
      <>
        <h1>Docker without passwords</h1>
        <p>
          The credential helper signs docker and podman in: you approve a
          machine once in the browser, and can revoke it at any time in the{" "}
          <a href="/settings/devices">settings</a>. It is one file that runs on
          {" "}
          <a href="https://deno.com">Deno</a>.
        </p>
        <h2>Linux and macOS</h2>
        <CopyBox
          text={`curl -fsSL ${origin}/install.sh | sh`}
          what="the command for Linux and macOS"
        />
        <h2>Windows</h2>
        <CopyBox
          text={`irm ${origin}/install.ps1 | iex`}
          what="the command for Windows"
        />
        <h2>Anywhere, with Deno alone</h2>
        <CopyBox
          text={`deno install -g -A -n docker-credential-atcr ${file}`}
          what="the command for Deno"
        />
        <h2>Then</h2>
        <CopyBox
          text={`docker-credential-atcr configure-docker\ndocker-credential-atcr login\ndocker push ${image}`}
          what="the commands"
        />
        <h2>As a standalone program</h2>
        <p>To use it without Deno afterwards:</p>
        <CopyBox
          text={`deno compile -A -o docker-credential-atcr ${file}`}
          what="the command for a standalone program"
        />
      </>
    ),
  });
}
