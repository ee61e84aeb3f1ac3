/**
 * Scripts that install the credential helper.
 *
 * @module
 */

/** For Linux and macOS; `origin` is the address of the registry. */
export function installShell(origin: string): string {
  return `#!/bin/sh
# Installs docker-credential-atcr, the credential helper of
# ${origin}
#
# ATCR_INSTALL_DIR names another folder than ~/.local/bin.
set -eu

# A function, so that nothing runs before all of the script has arrived.
main() {
  url='${origin}/install/docker-credential-atcr.js'
  folder="\${ATCR_INSTALL_DIR:-$HOME/.local/bin}"
  if ! command -v deno >/dev/null 2>&1; then
    echo 'The helper runs on Deno 2, which is not on your PATH: https://deno.com' >&2
    exit 1
  fi
  mkdir -p "$folder"
  draft="$folder/.docker-credential-atcr.$$"
  trap 'rm -f "$draft"' EXIT
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL "$url" -o "$draft"
  else
    wget -qO "$draft" "$url"
  fi
  chmod 755 "$draft"
  mv "$draft" "$folder/docker-credential-atcr"
  echo "Installed $folder/docker-credential-atcr"
  case ":$PATH:" in
    *":$folder:"*) ;;
    *) echo "Add $folder to your PATH: docker looks for the helper there." ;;
  esac
  echo 'Next:'
  echo '  docker-credential-atcr configure-docker'
  echo '  docker-credential-atcr login'
}

main
`;
}

/** For Windows. */
export function installPowerShell(origin: string): string {
  return `# Installs docker-credential-atcr, the credential helper of
# ${origin}
$ErrorActionPreference = 'Stop'
if (-not (Get-Command deno -ErrorAction SilentlyContinue)) {
  throw 'The helper runs on Deno 2, which is not on your PATH: https://deno.com'
}
deno install --global --force --allow-net --allow-read --allow-write --allow-env --allow-run --allow-sys --name docker-credential-atcr '${origin}/install/docker-credential-atcr.js'
Write-Output 'Next:'
Write-Output '  docker-credential-atcr configure-docker'
Write-Output '  docker-credential-atcr login'
`;
}
