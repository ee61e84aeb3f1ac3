/**
 * The table of the key-value store in PostgreSQL and the function that commits,
 * created when they are missing.
 *
 * @module
 */

import { AppError } from "../../errors.ts";
import type { Session } from "./connections.ts";

/** Class of the advisory locks that commits take. */
const LOCK_CLASS = 77_001;

/** Stripes of keys that are locked; bounds what one commit takes of the server's lock table. */
export const STRIPES = 1_024;

/**
 * A commit is one round trip. It locks the stripes of all keys it touches, in
 * rising order so that no two commits wait for each other, then looks at the
 * checks, then writes. Under READ COMMITTED each statement of a volatile
 * function sees what was committed before it, so nothing comes between the
 * checks and the writes. SERIALIZABLE would fail and repeat for neighbouring
 * keys. The name has a number, so that two versions of this program can run
 * beside each other: a changed function gets another one.
 */
export const COMMIT_FUNCTION = "atcr_kv_commit_1";

/** A sum onto a value that is no counter divides by zero; the divisor is not constant, or the planner would do so. */
const STATEMENTS = [
  `create table if not exists atcr_kv (
  key bytea primary key,
  kind smallint not null,
  body text,
  bytes bytea,
  count bigint,
  version bigint not null,
  expires_at float8
) with (autovacuum_vacuum_scale_factor = 0.05)`,
  // Values are small or compressed already.
  "alter table atcr_kv alter column bytes set storage external",
  "create index if not exists atcr_kv_expiry on atcr_kv (expires_at) where expires_at is not null",
  "create sequence if not exists atcr_kv_version",
  `create or replace function ${COMMIT_FUNCTION}(
  stripes bigint[], now_ms float8,
  check_keys bytea[], check_versions bigint[],
  delete_keys bytea[],
  set_keys bytea[], set_kinds bigint[], set_bodies text[], set_bytes bytea[],
  set_counts bigint[], set_expiries float8[],
  sum_keys bytea[], sum_by bigint[]
) returns boolean language plpgsql volatile
-- A plan that was made while the table was small must not read all of it later,
-- and planning again for each call would take longer than the work.
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  next_version bigint;
begin
  perform pg_advisory_xact_lock(${LOCK_CLASS}, stripe::int) from unnest(stripes) stripe;
  if cardinality(check_keys) > 0 and exists (
    select from unnest(check_keys, check_versions) c(key, version)
    left join atcr_kv kv on kv.key = c.key
      and (kv.expires_at is null or kv.expires_at > now_ms)
    where kv.version is distinct from c.version
  ) then
    return false;
  end if;
  next_version := nextval('atcr_kv_version');
  if cardinality(delete_keys) > 0 then
    delete from atcr_kv where key = any(delete_keys);
  end if;
  insert into atcr_kv (key, kind, body, bytes, count, version, expires_at)
    select s.key, s.kind, s.body, s.bytes, s.count, next_version, s.expires_at
    from unnest(set_keys, set_kinds, set_bodies, set_bytes, set_counts, set_expiries)
      s(key, kind, body, bytes, count, expires_at)
    on conflict (key) do update set kind = excluded.kind, body = excluded.body,
      bytes = excluded.bytes, count = excluded.count,
      version = excluded.version, expires_at = excluded.expires_at;
  if cardinality(sum_keys) > 0 then
    insert into atcr_kv as kv (key, kind, count, version)
      select s.key, 2, s.by, next_version from unnest(sum_keys, sum_by) s(key, by)
      on conflict (key) do update set kind = 2, body = null, bytes = null,
        count = case when kv.expires_at <= now_ms then excluded.count
          else kv.count + excluded.count / (kv.count is not null)::int end,
        version = excluded.version, expires_at = null;
  end if;
  return true;
end $$`,
];

/**
 * Creates what is missing. Several processes may start at once. Throws AppError
 * `UNAVAILABLE` when the database cannot be used.
 */
export async function createTables({ run }: Session): Promise<void> {
  const [state] = await run(
    `select current_setting('server_encoding') as encoding,
      to_regclass('atcr_kv') is not null and
      to_regproc('${COMMIT_FUNCTION}') is not null as there`,
  );
  if (state?.encoding !== "UTF8") {
    throw new AppError(
      "UNAVAILABLE",
      `The PostgreSQL database has the encoding ${state?.encoding}; create one with UTF8 for kv.url.`,
    );
  }
  if (state.there === true) return;
  await run("begin");
  try {
    // Concurrent CREATE IF NOT EXISTS of one name may fail.
    await run(`select pg_advisory_xact_lock(${LOCK_CLASS}, -1)`);
    for (const statement of STATEMENTS) await run(statement);
    await run("commit");
  } catch (cause) {
    await run("rollback").catch(() => {});
    throw new AppError(
      "UNAVAILABLE",
      "The tables of the key-value store cannot be created in PostgreSQL; " +
        "let the user of kv.url create tables and functions in the schema that it uses.",
      { cause },
    );
  }
}
