/**
 * jib: images of Java programs, by its plugin of Maven.
 *
 * @module
 */

import assert from "node:assert/strict";
import { homedir } from "node:os";
import { join } from "node:path";
import { CommandError } from "../../tools/command.ts";
import type { Account } from "../../tools/product.ts";
import type { Station, Suite } from "../suite.ts";

const VERSION = "3.5.2";
const PROJECT = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.example</groupId>
  <artifactId>app</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
</project>
`;
const PROGRAM = "class App { public static void main(String[] a) {} }\n";

export const jib: Suite = {
  name: "jib",
  programs: ["mvn", "java"],
  version: () => Promise.resolve(VERSION),
  absent: {
    pull: "jib pulls the base image only: see push",
    list: "jib has no goal that lists tags",
    delete: "jib has no goal that deletes",
    "multi-arch": "platforms are those of the base image",
  },
  actions: {
    async login(t) {
      const source = t.path("src", "main", "java");
      await Deno.mkdir(source, { recursive: true });
      await Deno.writeTextFile(join(source, "App.java"), PROGRAM);
      await Deno.writeTextFile(t.path("pom.xml"), PROJECT);
      const { folder, top } = t.world.images.tiny;
      await t.world.api.pushLayout(folder, t.repo("base"), top, "1");
      const { alice, bob } = t.world;
      const wrong = { ...alice, appPassword: bob.appPassword };
      await assert.rejects(build(t, wrong), (error) => {
        assert.ok(error instanceof CommandError);
        assert.match(error.output.stdout, /unauthorized/i);
        return true;
      });
    },
    async push(t) {
      await build(t, t.world.alice);
      await t.pushed("app");
    },
    async "push again"(t) {
      await build(t, t.world.alice);
    },
  },
};

/** Compiles the program and pushes an image of it on a base of the registry. */
async function build(t: Station, { handle, appPassword }: Account) {
  await t.run("mvn", [
    ...["-q", "-B", `-Dmaven.repo.local=${join(homedir(), ".m2/repository")}`],
    "compile",
    `com.google.cloud.tools:jib-maven-plugin:${VERSION}:build`,
    `-Djib.from.image=${t.ref("base")}`,
    `-Djib.to.image=${t.ref("app")}`,
    `-Djib.to.auth.username=${handle}`,
    `-Djib.to.auth.password=${appPassword}`,
    "-Djib.allowInsecureRegistries=true",
    "-DsendCredentialsOverHttp=true",
    "-Djib.container.mainClass=App",
  ]);
}
