/**
 * The first parts of keys below a prefix, each once.
 *
 * @module
 */

import type { Key, Kv } from "../../kv/kv.ts";

/** The text that follows `prefix` in keys, in byte order behind `last`; one look for each. */
export async function* namesBelow(
  kv: Kv,
  prefix: Key,
  last?: string,
): AsyncGenerator<string> {
  let from = last;
  for (;;) {
    const selector = from === undefined
      ? { prefix }
      : { prefix, start: [...prefix, `${from}\0`] };
    let name: string | undefined;
    for await (const { key } of kv.list(selector, { limit: 1 })) {
      name = String(key[prefix.length]);
    }
    if (name === undefined) return;
    yield name;
    from = name;
  }
}
