/**
 * `hold crew`: members and their permissions.
 *
 * @module
 */

import { AppError } from "../../lib/errors.ts";
import { type Command, type CommandCall, valued } from "../command.ts";
import { didOf, withHold } from "../open_context.ts";

const PERMISSIONS = ["blob:read", "blob:write", "crew:admin"];

/** Commands about the crew. */
export const CREW_COMMANDS: readonly Command[] = [
  {
    name: "hold crew list",
    doc: "print the members of the crew",
    run: list,
  },
  {
    name: "hold crew add",
    synopsis: "WHO [--role ROLE] [--permissions LIST] [--tier TIER]",
    doc: "add a member by handle or DID, or change their permissions",
    options: {
      role: valued("ROLE", "what the member is called, such as member"),
      permissions: valued("LIST", `some of ${PERMISSIONS.join(",")}`),
      tier: valued("TIER", "the quota, one of hold.quota.tiers"),
    },
    operands: [1, 1],
    run: add,
  },
  {
    name: "hold crew remove",
    synopsis: "WHO",
    doc: "remove a member from the crew",
    operands: [1, 1],
    run: remove,
  },
];

async function list({ config, print }: CommandCall): Promise<void> {
  await withHold(config(), async ({ hold }) => {
    for await (const { member, role, permissions, tier } of hold.crew.list()) {
      const columns = [member, role, permissions.join(",")];
      if (tier !== undefined) columns.push(`tier ${tier}`);
      print(columns.join("  "));
    }
  });
}

async function add(call: CommandCall): Promise<void> {
  const [who = ""] = call.operands;
  const { options } = call;
  const permissions = (options.get("permissions") ?? "blob:read,blob:write")
    .split(",");
  const unknown = permissions.find((name) => !PERMISSIONS.includes(name));
  if (unknown !== undefined) {
    throw new AppError(
      "INVALID_REQUEST",
      `There is no permission "${unknown}"; there are ${
        PERMISSIONS.join(", ")
      }.`,
    );
  }
  const config = call.config();
  const tier = options.get("tier");
  const { tiers } = config.hold.quota;
  if (tier !== undefined && !Object.hasOwn(tiers, tier)) {
    throw new AppError(
      "INVALID_REQUEST",
      `There is no tier "${tier}" in hold.quota.tiers.`,
    );
  }
  await withHold(config, async (ctx) => {
    const did = await didOf(ctx, who);
    await ctx.hold.crew.put(did, {
      role: options.get("role") ??
        (permissions.includes("crew:admin") ? "admin" : "member"),
      permissions,
      ...(tier === undefined ? {} : { tier }),
    });
    call.print(`${did} is crew with ${permissions.join(", ")}.`);
  });
}

async function remove(call: CommandCall): Promise<number> {
  const [who = ""] = call.operands;
  return await withHold(call.config(), async (ctx) => {
    const did = await didOf(ctx, who);
    const removed = await ctx.hold.crew.remove(did);
    call.print(
      removed ? `${did} is not crew any more.` : `${did} is not crew.`,
    );
    return removed ? 0 : 1;
  });
}
