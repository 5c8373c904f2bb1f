// SPDX-License-Identifier: Apache-2.0
// Brings the packages of package-lock.json into a folder of the build: modules.mjs STAMP npm-arguments…
// The lock names every package with its checksum, and no script of a package is run.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const source = dirname(fileURLToPath(import.meta.url));
const [stamp, ...more] = process.argv.slice(2);
const folder = dirname(stamp);

mkdirSync(folder, { recursive: true });
for (const name of ["package.json", "package-lock.json"]) copyFileSync(join(source, name), join(folder, name));
const quiet = ["--ignore-scripts", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=error"];
const npm = spawnSync("npm", ["ci", ...quiet, ...more], { cwd: folder, stdio: "inherit" });
if (npm.status !== 0) {
    console.error(`
The pages of mars-web are built with the packages of web/package-lock.json, and npm could not get them (see above).
Let npm reach its registry or a mirror (npm config set registry …), or build without pages:
    meson configure -Dweb=disabled`);
    process.exit(1);
}
writeFileSync(stamp, "");
