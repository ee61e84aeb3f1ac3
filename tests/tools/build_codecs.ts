/**
 * Builds the codecs of `lib/avatar/codecs` whose sources are given:
 *
 *   deno task build:codecs NAME=FOLDER … [--check]
 *
 * The folders are unpacked releases: `jpeg`, libjpeg-turbo 3.2.0; `colour`,
 * Little CMS 2.19; `webp`, libwebp 1.6.0; `simde`, SIMDe 0.7.4 for JPEG and WebP
 * (headers only: the folder that contains `simde`; webp.wasm was made with its
 * second candidate, that of Debian 12); `dav1d`, dav1d 1.4.3, and `libavif`,
 * libavif 1.0.4, both for AVIF. It needs zig 0.17 (`pip install ziglang`; `ZIG`
 * names the program), and for JPEG cmake and make. With `--check` the result is
 * compared with the committed files instead.
 *
 * @module
 */

import { join } from "node:path";
import { run, say } from "./command.ts";

const CODECS = new URL("../../lib/avatar/codecs/", import.meta.url).pathname;
const LIMIT = { limitMs: 60 * 60_000 };
const TARGET = ["-target", "wasm32-wasi"];
const LINK = ["-mexec-model=reactor", "-Wl,--strip-all", "-Wl,--gc-sections"];
/** Parts of libjpeg-turbo that pictures do not need. */
const UNUSED = [
  "C_LOSSLESS",
  "D_LOSSLESS",
  "QUANT_1PASS",
  "QUANT_2PASS",
  "DCT_FLOAT",
  "INPUT_SMOOTHING",
];

/** Files of libwebp for other processors, for encoding, and slower than plain code. */
const WEBP_UNUSED =
  /mips|msa|neon|avx2|lossless_sse|_enc|enc_sse|^enc\.c|^cost|^ssim/;

const zig = Deno.env.get("ZIG") ?? "zig";
const sources = new Map(
  Deno.args.filter((text) => text.includes("=")).map((text) => {
    const [name = "", ...folder] = text.split("=");
    return [name, folder.join("=")];
  }),
);
const jpeg = sources.get("jpeg") ?? "";
const colour = sources.get("colour") ?? "";
const webp = sources.get("webp") ?? "";
const simde = sources.get("simde") ?? "";
const dav1d = sources.get("dav1d") ?? "";
const libavif = sources.get("libavif") ?? "";
const work = await Deno.makeTempDir();
try {
  const built: string[] = [];
  if (jpeg && simde) built.push(await buildJpeg());
  if (colour) built.push(await buildColour());
  if (webp && simde) built.push(await buildWebp());
  if (dav1d && libavif) built.push(await buildAvif());
  for (const path of built) await keep(path);
  if (built.length === 0) {
    await say("deno task build:codecs NAME=FOLDER … [--check]");
    Deno.exitCode = 2;
  }
} finally {
  await Deno.remove(work, { recursive: true });
}

async function buildJpeg(): Promise<string> {
  const source = join(work, "libjpeg-turbo");
  const build = join(work, "build");
  await run("cp", ["-r", jpeg, source]);
  await run("cp", ["-r", join(simde, "simde"), join(work, "simde")]);
  const config = join(source, "src/jmorecfg.h");
  let text = await Deno.readTextFile(config);
  for (const name of UNUSED) {
    text = text.replace(
      `#define ${name}_SUPPORTED`,
      `#undef ${name}_SUPPORTED`,
    );
  }
  await Deno.writeTextFile(config, text);
  await Deno.writeTextFile(
    join(work, "arm_neon.h"),
    "#define SIMDE_ENABLE_NATIVE_ALIASES\n#include <simde/arm/neon.h>\n",
  );
  // The Neon code of libjpeg-turbo is compiled to the vectors of WebAssembly.
  const compiler = await script(
    "cc",
    `a=()
for x in "$@"; do case "$x" in
  -mfpu=neon) ;;
  *jchuff-neon.c) a+=(-D__EMSCRIPTEN__ "$x") ;;
  *) a+=("$x") ;;
esac; done
exec ${zig} cc ${TARGET.join(" ")} "\${a[@]}"`,
  );
  const flags = `-O3 -DNDEBUG -msimd128 -DNO_GETENV -I${work}`;
  await run("cmake", [
    "-S",
    source,
    "-B",
    build,
    "-DCMAKE_SYSTEM_NAME=Generic",
    "-DCMAKE_SYSTEM_PROCESSOR=wasm32",
    "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY",
    `-DCMAKE_C_COMPILER=${compiler}`,
    `-DCMAKE_AR=${await script("ar", `exec ${zig} ar "$@"`)}`,
    `-DCMAKE_RANLIB=${await script("ranlib", `exec ${zig} ranlib "$@"`)}`,
    "-DCMAKE_BUILD_TYPE=Release",
    `-DCMAKE_C_FLAGS_RELEASE=${flags}`,
    "-DWITH_SIMDE=1",
    "-DWITH_TURBOJPEG=0",
    "-DENABLE_SHARED=0",
    "-DWITH_TOOLS=0",
    "-DWITH_TESTS=0",
  ], LIMIT);
  await run("make", ["-C", build, "jpeg-static"], LIMIT);
  return await link("jpeg", [
    "-O3",
    `-I${join(source, "src")}`,
    `-I${build}`,
    join(build, "libjpeg.a"),
  ]);
}

async function buildColour(): Promise<string> {
  const folder = join(colour, "src");
  return await link("colour", [
    "-O2",
    "-DCMS_NO_PTHREADS",
    `-I${join(colour, "include")}`,
    `-I${folder}`,
    ...await cFiles(folder, /^(?!cms)/),
  ]);
}

/** The decoder of libwebp, its SSE code compiled to the vectors of WebAssembly. */
async function buildWebp(): Promise<string> {
  const shim = join(work, "sse");
  await Deno.mkdir(shim);
  // The dot product keeps the compiler from a pattern on which it fails.
  await Deno.writeTextFile(
    join(shim, "emmintrin.h"),
    `#include <wasm_simd128.h>
#include <simde/x86/sse2.h>
#undef _mm_madd_epi16
#define _mm_madd_epi16(a, b) wasm_i32x4_dot_i16x8(a, b)
`,
  );
  await Deno.writeTextFile(
    join(shim, "smmintrin.h"),
    "#include <simde/x86/sse4.1.h>\n",
  );
  const files: string[] = [];
  for (const folder of ["dec", "dsp", "utils"]) {
    files.push(...await cFiles(join(webp, "src", folder), WEBP_UNUSED));
  }
  const flags = [
    "-O3",
    "-DNDEBUG",
    "-DEMSCRIPTEN",
    "-DWEBP_USE_SSE2",
    "-DWEBP_HAVE_SSE2",
    "-DWEBP_USE_SSE41",
    "-DWEBP_HAVE_SSE41",
    "-DSIMDE_ENABLE_NATIVE_ALIASES",
    `-I${shim}`,
    `-I${simde}`,
    `-I${webp}`,
  ];
  return await link("webp", [...flags, ...files.toSorted()]);
}

/**
 * The reader of libavif and dav1d in plain C, with the vectors that the compiler
 * finds. The files that depend on the bits of a sample are compiled twice.
 */
async function buildAvif(): Promise<string> {
  const shim = join(CODECS, "source/dav1d");
  const version = join(work, "dav1d", "version.h");
  await Deno.mkdir(join(work, "dav1d"));
  const text = await Deno.readTextFile(
    join(dav1d, "include/dav1d/version.h.in"),
  );
  await Deno.writeTextFile(
    version,
    text.replaceAll(/@\w+_MAJOR@/g, "7").replaceAll(/@\w+@/g, "0"),
  );
  const flags = [
    "-O3",
    "-DNDEBUG",
    "-DAVIF_CODEC_DAV1D=1",
    "-w",
    ...[shim, work, join(work, "dav1d"), dav1d, join(dav1d, "include")]
      .map((path) => `-I${path}`),
    `-I${join(libavif, "include")}`,
  ];
  const plain = await cFiles(join(libavif, "src"), /codec_(?!dav1d)/);
  const objects: string[] = [];
  const compile = async (path: string, bits?: number) => {
    const object = join(work, `${objects.length}.o`);
    const depth = bits === undefined ? [] : [`-DBITDEPTH=${bits}`];
    const command = ["cc", ...TARGET, "-msimd128", ...flags, ...depth];
    await run(zig, [...command, "-c", path, "-o", object], LIMIT);
    objects.push(object);
  };
  for (const path of await cFiles(join(dav1d, "src"))) {
    if (!path.endsWith("_tmpl.c")) await compile(path);
    else for (const bits of [8, 16]) await compile(path, bits);
  }
  for (const path of plain) await compile(path);
  return await link("avif", [
    ...flags,
    ...objects,
    "-Wl,--import-memory",
    "-Wl,-z,stack-size=1048576",
  ]);
}

/** The C files of a folder whose names do not match `unused`, sorted. */
async function cFiles(folder: string, unused = /^$/): Promise<string[]> {
  const files: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (name.endsWith(".c") && !unused.test(name)) {
      files.push(join(folder, name));
    }
  }
  return files.toSorted();
}

async function link(name: string, args: readonly string[]): Promise<string> {
  const output = join(work, `${name}.wasm`);
  const source = join(CODECS, `source/${name}.c`);
  await run(
    zig,
    ["cc", ...TARGET, "-msimd128", ...LINK, source, ...args, "-o", output],
    LIMIT,
  );
  return output;
}

async function script(name: string, body: string): Promise<string> {
  const path = join(work, name);
  await Deno.writeTextFile(path, `#!/bin/bash\n${body}\n`, { mode: 0o755 });
  return path;
}

async function keep(path: string): Promise<void> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const bytes = await Deno.readFile(path);
  const target = join(CODECS, name);
  if (!Deno.args.includes("--check")) {
    return await Deno.writeFile(target, bytes);
  }
  const kept = await Deno.readFile(target);
  const same = kept.length === bytes.length &&
    kept.every((byte, i) => byte === bytes[i]);
  await say(`${name}: ${same ? "the committed bytes" : "DIFFERENT"}`);
  if (!same) Deno.exitCode = 1;
}
