import assert from "node:assert/strict";
import { AppError } from "./errors.ts";
import { createLogger } from "./log.ts";
import { foreignText, printable, quote } from "./text.ts";

/** Colours, title, clipboard, C1 commands, carriage return, backspace and reversed text. */
const HOSTILE =
  "a\x1b[31mred\x1b]0;title\x07\x1b]52;c;ZXZpbA==\x07 \x9b2J\x85\rover\bwrite \u202egnp\u2066\u200f\u2028\x7f\0";
const COMMANDS = /(?![\n\t])[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/u;

Deno.test("what a terminal takes for a command is replaced, other text stays", () => {
  assert.doesNotMatch(printable(HOSTILE), COMMANDS);
  const plain = "Zürich, 日本 🦋\n\tso it stays: \u{1f468}\u200d\u{1f469}";
  assert.equal(printable(plain), plain);
});

Deno.test("messages of errors never have commands for terminals in them", () => {
  const error = new AppError("DENIED", `The hold refused: ${HOSTILE}`);
  assert.doesNotMatch(error.message, COMMANDS);
  assert.doesNotMatch(error.stack ?? "", COMMANDS);
});

Deno.test("a message of another server stays on its line and is cut", () => {
  assert.equal(
    foreignText("no\r\n\n  Login Succeeded\t!"),
    "no\ufffd Login Succeeded !",
  );
  assert.equal(foreignText("x".repeat(1_000)).length, 501);
  assert.doesNotMatch(quote(HOSTILE), COMMANDS);
});

Deno.test("lines of the log are plain text and the same JSON as before", () => {
  const lines: string[] = [];
  const log = createLogger({
    level: "info",
    write: (line) => lines.push(line),
    now: () => 0,
  });
  const error = new Error(HOSTILE);
  log.warn("it failed", { reason: HOSTILE, error });
  const [line = ""] = lines;
  assert.doesNotMatch(line, COMMANDS);
  assert.doesNotMatch(line, /\n/);
  const { reason, error: logged } = JSON.parse(line);
  assert.equal(reason, HOSTILE);
  assert.equal(logged.message, HOSTILE);
});
