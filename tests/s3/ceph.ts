/**
 * Ceph's S3 gateway with one monitor and one store in memory, all on the
 * loopback address: a server that checks signatures as strictly as AWS.
 *
 * @module
 */

import { kill, run, type RunOptions, say } from "../tools/command.ts";
import { findProgram } from "../tools/paths.ts";
import { freePorts } from "../tools/ports.ts";
import { sleep, startServer } from "../tools/server.ts";
import type { S3Kind, S3Server } from "./kinds.ts";

const PACKAGES = ["ceph-mon", "ceph-osd", "radosgw"];
const PROGRAMS = ["ceph", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"];
/** The most that objects may take. */
const MEMORY_BYTES = 2 * 1024 ** 3;

const INSTALL_LIMIT_MS = 20 * 60_000;

/** Ceph from the packages of Debian or Ubuntu. */
export const ceph: S3Kind = {
  name: "Ceph",
  async missing() {
    if (await installed()) return undefined;
    const apt = await findProgram("apt-get");
    if (apt === undefined || Deno.uid() !== 0) {
      return `needs the packages ${PACKAGES.join(" ")}; install them, ` +
        "or run this as root on Debian or Ubuntu";
    }
    await say(`installing ${PACKAGES.join(" ")} (about 60 MB) ...`);
    const options: RunOptions = {
      env: { DEBIAN_FRONTEND: "noninteractive" },
      limitMs: INSTALL_LIMIT_MS,
    };
    try {
      await run(apt, ["update", "-q"], options);
      const flags = ["install", "-y", "-q", "--no-install-recommends"];
      await run(apt, [...flags, ...PACKAGES], options);
    } catch (error) {
      return `could not be installed: ${error}`;
    }
    return await installed() ? undefined : "is incomplete after installation";
  },
  start,
};

async function installed(): Promise<boolean> {
  const found = await Promise.all(PROGRAMS.map(findProgram));
  return found.every((path) => path !== undefined);
}

/** Starts a daemon without an HTTP port; its own log is in its folder. */
function daemon(program: string, args: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Tries until `work` succeeds: the daemons need a moment to find each other. */
async function retry(tries: number, work: () => Promise<void>): Promise<void> {
  for (let left = tries;; left--) {
    try {
      return await work();
    } catch (error) {
      if (left <= 1) throw error;
      await sleep(500);
    }
  }
}

async function start(): Promise<S3Server> {
  // The paths of the daemons' sockets must stay short.
  const folder = await Deno.makeTempDir({ prefix: "ceph" });
  const [port, monitor] = freePorts(2);
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    for (const end of stops.toReversed()) await end();
    await Deno.remove(folder, { recursive: true });
  };
  const spawn = (program: string, args: readonly string[]) => {
    const child = daemon(program, args);
    const { status } = child;
    stops.push(() => {
      kill(child, "SIGKILL"); // all it has is in memory or in our folder
      return status;
    });
    return status;
  };
  const accessKey = "tester";
  const secretKey = crypto.randomUUID();
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    for (const name of ["mon.a", "osd.0", "rgw", "sock"]) {
      await Deno.mkdir(`${folder}/${name}`);
    }
    const fsid = crypto.randomUUID();
    const file = `${folder}/ceph.conf`;
    const address = `v1:127.0.0.1:${monitor}`;
    await Deno.writeTextFile(file, settings(folder, fsid, address, endpoint));
    const conf = ["-c", file];
    const map = `${folder}/monmap`;
    await run("monmaptool", [
      ...["--create", "--addv", "a", address, "--fsid", fsid, map],
    ]);
    await run("ceph-mon", [...conf, "--mkfs", "-i", "a", "--monmap", map]);
    spawn("ceph-mon", [...conf, "-f", "-i", "a"]);
    const ask = (...args: string[]) =>
      run("ceph", [...conf, "--connect-timeout", "5", ...args]);
    await retry(20, async () => void await ask("osd", "create"));
    await run("ceph-osd", [...conf, "-i", "0", "--mkfs"]);
    let ended = true;
    await retry(60, async () => {
      // At first the store may not know the monitor's id, and gives up.
      if (ended) {
        ended = false;
        spawn("ceph-osd", [...conf, "-f", "-i", "0"])
          .then(() => ended = true);
      }
      const { stdout } = await ask("osd", "stat");
      if (!/1 up/.test(stdout)) throw new Error(`No store is up: ${stdout}`);
    });
    await run("radosgw-admin", [
      ...[...conf, "user", "create", "--uid=tester", "--display-name=tester"],
      ...[`--access-key=${accessKey}`, `--secret=${secretKey}`],
    ]);
    const gateway = await startServer({
      name: "radosgw",
      program: "radosgw",
      args: [...conf, "-f", "-n", "client.rgw"],
      logFile: `${folder}/gateway.log`,
      readyUrl: endpoint,
    });
    stops.push(() => gateway.stop());
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, accessKey, secretKey, stop };
}

function settings(
  folder: string,
  fsid: string,
  monitor: string,
  gateway: string,
): string {
  return `[global]
fsid = ${fsid}
mon_initial_members = a
mon_host = ${monitor}
public_addr = 127.0.0.1
ms_bind_msgr2 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_allow_insecure_global_id_reclaim = false
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 1000
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = ${MEMORY_BYTES}
rgw_frontends = beast endpoint=${new URL(gateway).host}
rgw_enable_ops_log = false
run_dir = ${folder}/sock
admin_socket = ${folder}/sock/$name.asok
log_file = ${folder}/$name.log
mon_data = ${folder}/mon.a
osd_data = ${folder}/osd.0
rgw_data = ${folder}/rgw
`;
}
