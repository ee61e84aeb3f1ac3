import assert from "node:assert/strict";
import { isAppError } from "../lib/errors.ts";
import type { CommandOutput } from "./command.ts";
import { runCommand } from "./commands.ts";

/** Runs a command and returns its output. */
async function run(...args: string[]): Promise<string> {
  const lines: string[] = [];
  const output: CommandOutput = {
    print: (text) => void lines.push(text),
    write: () => Promise.reject(new Error("bytes")),
    writeNewFile: () => Promise.reject(new Error("file")),
    isTerminal: true,
  };
  assert.equal(await runCommand(args, output), 0);
  return lines.join("\n");
}

Deno.test("unknown commands, options and operands are refused with the usage of that command alone", async () => {
  const wrong: [string[], RegExp][] = [
    [["holt"], /There is no command "holt"/],
    [["hold"], /There is no command "hold"/],
    [
      ["hold", "crewlist"],
      /no command "hold crewlist"[^]*\n {2}hold crew list\n/,
    ],
    [["config", "check", "now"], / wrong\.\n\nUsage: .* config check\n/],
    [["hold", "crew", "add"], /Usage: .* hold crew add WHO/],
    [["hold", "crew", "add", "a", "b"], /Usage: .* hold crew add WHO/],
    [["hold", "crew", "add", "a", "--tier"], /Usage: .* hold crew add WHO/],
    [["hold", "gc", "--dry-run=yes"], /Usage: .* hold gc/],
    [["hold", "gc", "--force"], /no option --force\.\n\nUsage: .* hold gc/],
    [["config", "init", "--dry-run"], /has no option --dry-run/],
    [["--dry-run"], /has no option/],
  ];
  for (const [args, sentence] of wrong) {
    await assert.rejects(run(...args), (error) => {
      assert.ok(isAppError(error, "INVALID_REQUEST"));
      assert.match(error.message, sentence);
      assert.match(error.message, /\nUsage: /);
      assert.doesNotMatch(error.message, /list the complete backups/);
      return true;
    });
  }
});

Deno.test("help lists every command, in every form", async () => {
  const text = await run("help");
  for (
    const name of ["config init", "doctor", "repo export", "hold crew add"]
  ) {
    assert.ok(text.includes(name), name);
  }
  assert.equal(await run("--help"), text);
  assert.equal(await run("-h"), text);
});

Deno.test("help about a command says what it does and what each option means", async () => {
  const text = await run("hold", "gc", "--help");
  assert.equal(await run("help", "hold", "gc"), text);
  assert.match(text, /^Usage: deno run -A main.ts hold gc \[--dry-run\]\n/);
  assert.match(text, /\n\nremove blobs that nothing refers to/);
  assert.match(text, /\n {2}--dry-run +list what would be done/);
  assert.match(text, /\n {2}--config FILE +the file with/);
  assert.doesNotMatch(text, /hold crew/);
  const crew = await run("hold", "crew", "-h");
  assert.match(
    crew,
    /crew list\n[^]*crew add WHO[^]*--tier TIER[^]*crew remove/,
  );
  assert.equal(crew.match(/--config FILE/g)?.length, 1);
  assert.match(
    crew,
    /crew remove[^]*\n\nOptions of each:\n\n {2}--config FILE/,
  );
  assert.match(
    await run("hold", "crew", "add", "x", "-h"),
    /Usage: .* add WHO/,
  );
  await assert.rejects(run("holt", "--help"), /There is no command "holt"/);
});

Deno.test("a CAR is not written to a terminal", async () => {
  await assert.rejects(run("repo", "export"), /redirect it/);
});

Deno.test("unknown permissions are refused", async () => {
  const add = ["hold", "crew", "add", "alice.test", "--permissions"];
  await assert.rejects(run(...add, "blob:read,root"), /no permission "root"/);
  await assert.rejects(run(...add, "blob:read", "--tier", "x"), /no tier "x"/);
});

Deno.test("the version is printed", async () => {
  assert.match(await run("version"), /^\d+\.\d+\.\d+$/);
});

Deno.test("shells complete commands, their parts and their options", async () => {
  const script = await run("completion", "bash");
  const ask = `${script}
COMP_WORDS=(atcr hold g); COMP_CWORD=2; _atcr; echo "\${COMPREPLY[*]}"
COMP_WORDS=(atcr hold gc --d); COMP_CWORD=3; _atcr; echo "\${COMPREPLY[*]}"`;
  const { stdout, success } = await new Deno.Command("bash", {
    args: ["-c", ask],
  }).output().catch(() => ({ stdout: new Uint8Array(), success: false }));
  if (success) {
    assert.equal(new TextDecoder().decode(stdout), "gc\n--dry-run\n");
  }
  assert.match(await run("completion", "zsh"), /bashcompinit/);
  assert.match(await run("completion", "fish"), /-a gc -d/);
  await assert.rejects(run("completion", "tcsh"), /Usage: .* completion/);
});
