/**
 * A repository whose requests stand in the history of the run.
 *
 * @module
 */

import { type Answer, type Call, Repository } from "../support/registry.ts";
import type { TestAccount } from "../support/server.ts";
import type { Tally } from "./tally.ts";
import type { Instance } from "./world.ts";

/** Sends as {@linkcode Repository} does, and notes each response. */
export class NotedRepository extends Repository {
  readonly #tally: Tally;
  readonly #name: string;

  /** The repository of `account` at `instance`. */
  constructor(instance: Instance, account: TestAccount, tally: Tally) {
    const { did } = account;
    // Handles are not looked up: the fault is to be in what is tested.
    super(
      instance,
      { ...account, handle: did },
      `${did.replaceAll(":", "-")}/app`,
    );
    this.#tally = tally;
    this.#name = `${account.handle} at ${instance.name}`;
  }

  override async send(
    method: string,
    path: string,
    options: Call = {},
  ): Promise<Answer> {
    const began = Date.now();
    const note = (words: string) =>
      this.#tally.note(
        `${this.#name}: ${method} ${path} ${Date.now() - began} ms: ${words}`,
      );
    try {
      const answer = await super.send(method, path, options);
      note(`${answer.status} ${answer.headers.get("docker-content-digest")}`);
      return answer;
    } catch (error) {
      note(String(error));
      throw error;
    }
  }
}
