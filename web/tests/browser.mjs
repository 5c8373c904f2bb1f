// SPDX-License-Identifier: Apache-2.0
// A real browser for tests: Debian's chromium, driven by playwright-core. What a page complains about fails the test,
// and every page is looked at by axe. Pictures are kept beside the build, for people.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const modules = createRequire(join(process.env.WEB_MODULES, "package.json"));
const { chromium } = modules("playwright-core");
const axe = readFileSync(modules.resolve("axe-core/axe.min.js"), "utf8");
export const pictures = process.env.WEB_PICTURES;
export const WAIT_MS = 20_000;

mkdirSync(pictures, { recursive: true });

export function launch() {
    const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
    return chromium.launch({ executablePath: process.env.CHROMIUM, args });
}

/** A page that remembers what went wrong on it. */
export async function open(browser, url, { phone = false, dark = false, ...options } = {}) {
    const context = await browser.newContext({
        viewport: phone ? { width: 390, height: 844 } : { width: 1360, height: 900 },
        colorScheme: dark ? "dark" : "light",
        ...options,
    });
    context.setDefaultTimeout(WAIT_MS);
    const page = await context.newPage();
    page.faults = [];
    page.on("console", (message) => {
        if (["error", "warning"].includes(message.type())) page.faults.push(message.text());
    });
    page.on("pageerror", (error) => page.faults.push(error.stack));
    await page.goto(url);
    return page;
}

export async function picture(page, name) {
    await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
}

/** What axe finds that is serious or critical, as lines. */
export async function serious(page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html.slice(0, 200)}`));
}
