/**
 * Determines the account that a container client needs from the image names on
 * its command line: the first part of an image name is its owner.
 *
 * @module
 */

import type { Account } from "./accounts.ts";

/**
 * Returns the account in `accounts` that owns the images of `host` in `args`;
 * undefined when there are no such images, or when they have several owners.
 */
export function accountForImages(
  host: string,
  accounts: readonly Account[],
  args: readonly string[],
): Account | undefined {
  const owners = new Set(args.flatMap((arg) => ownersIn(arg, host)));
  const found = accounts.filter((account) =>
    [...owners].some((owner) => owns(account, owner))
  );
  return found.length === 1 ? found[0] : undefined;
}

/** Owners of images of `host` in one argument, including forms like `--tag=host/owner/app`. */
function ownersIn(arg: string, host: string): string[] {
  const owners: string[] = [];
  let at = arg.indexOf(`${host}/`);
  while (at >= 0) {
    const before = at === 0 ? "" : arg[at - 1] ?? "";
    const rest = arg.slice(at + host.length + 1);
    const owner = /^[^/\s,:@]+(?=\/)/.exec(rest)?.[0];
    // Another host name may end with this one.
    const whole = before === "" || /[\s=,/'"]/.test(before);
    if (owner !== undefined && whole) owners.push(owner.toLowerCase());
    at = arg.indexOf(`${host}/`, at + 1);
  }
  return owners;
}

function owns(account: Account, owner: string): boolean {
  return owner === account.name.toLowerCase() || owner === spelled(account.id);
}

/** A DID in the spelling of image names: `did-plc-…`, `did-web-example_com__5000`. */
function spelled(did: string): string {
  return did.replaceAll(":", "-").replaceAll(".", "_").replace("%3A", "__");
}
