// SPDX-License-Identifier: Apache-2.0
// From TypeScript to a table in C: build.mjs FOLDER OPENAPI.json OUT.c
// FOLDER has node_modules (modules.mjs) and gets a copy of the sources, so that nothing is ever written beside them.
// What the daemon answers is said in OPENAPI.json alone: the types are made of it (src/contract.ts).
// Names of scripts and styles have a digest of what is in them: browsers keep them for good.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const source = dirname(fileURLToPath(import.meta.url));
const [folder, openapi, output] = process.argv.slice(2).map((name) => resolve(name));
const types = {
    html: "text/html; charset=utf-8",
    js: "text/javascript; charset=utf-8",
    css: "text/css; charset=utf-8",
    svg: "image/svg+xml",
};

function digest(bytes) {
    return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

/** A schema as a type. */
function typeOf(schema) {
    if (schema.$ref) return schema.$ref.split("/").at(-1);
    if (schema.type === undefined && !schema.anyOf && !schema.oneOf) return "unknown";
    if (schema.additionalProperties) return `Readonly<Record<string, ${typeOf(schema.additionalProperties)}>>`;
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
    for (const several of ["anyOf", "oneOf"]) if (schema[several]) return schema[several].map(typeOf).join(" | ");
    const kinds = [schema.type].flat().map(
        (kind) =>
            ({
                integer: "number",
                number: "number",
                string: "string",
                boolean: "boolean",
                null: "null",
                array: schema.items && `readonly (${typeOf(schema.items)})[]`,
            })[kind],
    );
    if (kinds.some((kind) => kind === undefined)) throw new Error(`no type for ${JSON.stringify(schema)}`);
    return kinds.join(" | ");
}

function contract() {
    const { schemas } = JSON.parse(readFileSync(openapi, "utf8")).components;
    return Object.entries(schemas)
        .map(
            ([name, { description, properties, required = [] }]) => `
/** ${description} */
export interface ${name} {
${Object.entries(properties)
    .map(
        ([field, schema]) => `    /** ${schema.description ?? ""} */
    readonly ${field}${required.includes(field) ? "" : "?"}: ${typeOf(schema)};`,
    )
    .join("\n")}
}`,
        )
        .join("\n");
}

/** Behind what is made of others' work: whose it is, and what they allow. */
function notices(inputs) {
    const names = new Set(
        inputs.map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1]).filter(Boolean),
    );
    return [...names]
        .sort()
        .map(
            (name) =>
                `/*! ${name}\n\n${readFileSync(join(folder, "node_modules", name, "LICENSE"), "utf8").trim()}\n*/\n`,
        )
        .join("");
}

function bundle() {
    const { buildSync } = createRequire(join(folder, "package.json"))("esbuild");
    const { outputFiles, metafile } = buildSync({
        absWorkingDir: folder,
        entryPoints: { app: "src/app.tsx" },
        outdir: "out",
        write: false,
        bundle: true,
        minify: true,
        format: "esm",
        target: "es2022",
        jsx: "automatic",
        jsxImportSource: "preact",
        legalComments: "none",
        metafile: true,
        logLevel: "warning",
    });
    return outputFiles.map(({ path, text }) => {
        const [name, kind] = path.split("/").at(-1).split(".");
        const bytes = Buffer.from(text + notices(Object.keys(metafile.outputs[relative(folder, path)].inputs)));
        return {
            name: `${name}-${digest(bytes)}.${kind}`,
            plain: `${name}.${kind}`,
            bytes,
            immutable: true,
        };
    });
}

function fixed(name, change = (text) => text) {
    return { name, bytes: Buffer.from(change(readFileSync(join(folder, "src", name), "utf8"))), immutable: false };
}

function literal(bytes) {
    const lines = [];
    for (let at = 0; at < bytes.length; at += 4096)
        lines.push(
            '        "' +
                Array.from(bytes.subarray(at, at + 4096), (byte) =>
                    byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f
                        ? String.fromCharCode(byte)
                        : "\\" + byte.toString(8).padStart(3, "0"),
                ).join("") +
                '"',
        );
    return lines.join("\n");
}

rmSync(join(folder, "src"), { recursive: true, force: true });
cpSync(join(source, "src"), join(folder, "src"), { recursive: true });
cpSync(join(source, "tsconfig.json"), join(folder, "tsconfig.json"));
writeFileSync(join(folder, "src/contract.ts"), contract());
const check = spawnSync(join(folder, "node_modules/.bin/tsc"), ["-p", "."], { cwd: folder, stdio: "inherit" });
if (check.status !== 0) process.exit(1);

const built = bundle();
const files = [
    fixed("index.html", (text) => built.reduce((page, file) => page.replace(file.plain, file.name), text)),
    fixed("icon.svg"),
    ...built,
].map((file) => ({ ...file, zipped: gzipSync(file.bytes, { level: 9 }) }));

// For tests that need the pages and no daemon.
mkdirSync(join(folder, "out"), { recursive: true });
for (const { name, bytes } of files) writeFileSync(join(folder, "out", name), bytes);

writeFileSync(
    output,
    `/* Made by web/build.mjs. */
#include "daemons/web/pages.h"

const WebFile web_files[] = {
${files
    .map(
        ({ name, bytes, zipped, immutable }) => `{
        .name      = "${name === "index.html" ? "" : name}",
        .type      = "${types[name.split(".").at(-1)]}",
        .etag      = "W/\\"${digest(bytes)}\\"",
        .immutable = ${immutable},
        .n_bytes   = ${bytes.length},
        .n_gzip    = ${zipped.length},
        .bytes     =
${literal(bytes)},
        .gzip      =
${literal(zipped)},
},`,
    )
    .join("\n")}
};
const uint32_t n_web_files = sizeof(web_files) / sizeof(web_files[0]);
`,
);
