/**
 * The avatar service of `serve.ts`, started and measured.
 *
 * @module
 */

const SERVE = new URL("serve.ts", import.meta.url);

/** A running service. */
export interface AvatarProcess extends AsyncDisposable {
  readonly origin: string;
  readonly port: number;
  /** Most memory that the process ever held, in megabytes. */
  peakMegabytes(): number;
  /** Processor time used, in seconds. */
  cpuSeconds(): number;
  /** Whether the process still runs. */
  alive(): boolean;
}

/** Clock ticks of /proc in a second. */
const TICKS = 100;

/** Starts the service; `folder` holds pictures to be asked for by name. */
export async function startAvatars(folder?: string): Promise<AvatarProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--no-lock",
      SERVE.pathname,
      ...(folder ? [folder] : []),
    ],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let ended = false;
  child.status.then(() => ended = true);
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const port = Number(new TextDecoder().decode(value).trim());
  if (!port) throw new Error("the service does not start");
  const proc = (file: string) =>
    Deno.readTextFileSync(`/proc/${child.pid}/${file}`);
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    peakMegabytes: () =>
      Number(/VmHWM:\s+(\d+)/.exec(proc("status"))?.[1]) / 1000,
    cpuSeconds: () => {
      const fields = proc("stat").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) / TICKS;
    },
    alive: () => !ended,
    [Symbol.asyncDispose]: async () => {
      if (!ended) child.kill();
      await reader.cancel();
      await child.status;
    },
  };
}
