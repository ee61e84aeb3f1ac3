/**
 * A network of PDSes of all dialects with a directory, and the program in it.
 *
 * @module
 */

import { freePort } from "../tools/ports.ts";
import { type Program, startProgram } from "../support/program.ts";
import type { TestAccount } from "../support/server.ts";
import { type DialectName, DIALECTS } from "./dialects.ts";
import { type MadeAccount, MadePds } from "./made_pds.ts";

/** A key of nobody: these accounts sign nothing. */
const KEY = "zQ3shqwJEJyMBsBXCWyCBpUBMqxcon9oHB7mCvx4sSpMdLJwc";

/** The running network. */
export interface DialectWorld extends AsyncDisposable {
  readonly program: Program;
  readonly pds: (name: DialectName) => MadePds;
  /** A new account at a PDS. */
  readonly account: (name: DialectName) => {
    readonly account: TestAccount;
    readonly repo: MadeAccount;
    /** Moves it to another PDS, with everything that it has. */
    readonly move: (to: DialectName) => void;
  };
}

/** Starts all of it. */
export async function startDialects(): Promise<DialectWorld> {
  await using stack = new AsyncDisposableStack();
  const names = Object.keys(DIALECTS) as DialectName[];
  const servers = new Map(
    names.map((name) => [name, stack.use(new MadePds(DIALECTS[name]))]),
  );
  const pds = (name: DialectName) => {
    const server = servers.get(name);
    if (!server) throw new Error(`there is no ${name}`);
    return server;
  };
  const homes = new Map<string, MadePds>();
  const directory = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const did = decodeURIComponent(new URL(request.url).pathname.slice(1));
      const home = homes.get(did);
      return home
        ? Response.json(documentOf(did, home.origin))
        : Response.json({ message: "not registered" }, { status: 404 });
    },
  );
  stack.defer(() => directory.shutdown());
  const account: DialectWorld["account"] = (name) => {
    const did = newDid();
    const made: MadeAccount = {
      did,
      password: "abcd-efgh-ijkl-mnop",
      records: new Map(),
      blobs: new Map(),
    };
    const home = pds(name);
    home.accounts.set(did, made);
    homes.set(did, home);
    return {
      account: { handle: did, did, appPassword: made.password },
      repo: made,
      move: (to) => {
        home.accounts.delete(did);
        pds(to).accounts.set(did, made);
        homes.set(did, pds(to));
      },
    };
  };
  const captain = account("reference").account;
  const program = stack.use(
    await startProgram({
      port: freePort(),
      env: {
        ATCR_SANDBOX_ENABLED: "false",
        ATCR_SERVER_TEST_MODE: "true",
        ATCR_SERVER_ROLES: "registry,hold",
        ATCR_IDENTITY_PLC_URL: `http://localhost:${directory.addr.port}`,
        ATCR_IDENTITY_PLAIN_ORIGINS: [...servers.values()]
          .map(({ origin }) => origin).join(","),
        ATCR_HOLD_OWNER: captain.did,
        ATCR_HOLD_PUBLIC: "true",
        ATCR_HOLD_ALLOW_ALL_CREW: "true",
      },
    }),
  );
  const owned = stack.move();
  return {
    program,
    pds,
    account,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function newDid(): string {
  const letters = "abcdefghijklmnopqrstuvwxyz234567";
  const bytes = crypto.getRandomValues(new Uint8Array(24));
  const id = [...bytes].map((byte) => letters[byte & 31]).join("");
  return `did:plc:${id}`;
}

function documentOf(did: string, pds: string): unknown {
  return {
    id: did,
    alsoKnownAs: [],
    verificationMethod: [{
      id: `${did}#atproto`,
      type: "Multikey",
      controller: did,
      publicKeyMultibase: KEY,
    }],
    service: [{
      id: "#atproto_pds",
      type: "AtprotoPersonalDataServer",
      serviceEndpoint: pds,
    }],
  };
}
