// SPDX-License-Identifier: Apache-2.0
// Pages before a cluster that is not there (stand-in.mjs): of a thousand workers, behind a proxy, on a phone.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";

import { launch, open, picture, serious } from "./browser.mjs";
import { Cluster, serve } from "./stand-in.mjs";

const PAGES = {
    overview: "#/",
    workers: "#/workers",
    worker: "#/workers/2",
    tasks: "#/tasks",
    task: "#/tasks/40",
    "failed-task": "#/tasks/38",
    graph: "#/tasks/40/graph",
    sessions: "#/sessions",
    timeline: "#/timeline",
    storage: "#/storage",
    logs: "#/logs",
    about: "#/about",
};

const openapi = JSON.parse(readFileSync(process.env.OPENAPI, "utf8"));
let browser, small, large;

before(async () => {
    browser = await launch();
    small = await serve(process.env.WEB_OUT, new Cluster({ workers: 3 }), { below: "/behind/a/proxy" });
    large = await serve(process.env.WEB_OUT, new Cluster({ workers: 1000 }));
});

after(async () => {
    await browser?.close();
    small?.close();
    large?.close();
});

/** What of a value is not as the schema has it, as lines. */
function faults(value, schema, at) {
    if (schema.$ref) return faults(value, openapi.components.schemas[schema.$ref.split("/").at(-1)], at);
    const several = schema.anyOf ?? schema.oneOf;
    if (several) {
        const each = several.map((one) => faults(value, one, at));
        return each.some((list) => list.length === 0) ? [] : each[0];
    }
    if (schema.enum) return schema.enum.includes(value) ? [] : [`${at}: ${value} is none of ${schema.enum}`];
    const is = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
    const kinds = [schema.type].flat().map((kind) => (kind === "integer" ? "number" : kind));
    if (!kinds.includes(is)) return [`${at}: ${is} instead of ${kinds}`];
    if (is === "array") return value.slice(0, 3).flatMap((item, k) => faults(item, schema.items, `${at}[${k}]`));
    if (is !== "object") return [];
    return [
        ...(schema.required ?? []).filter((name) => !(name in value)).map((name) => `${at}: ${name} is missing`),
        ...Object.keys(value).flatMap((name) =>
            schema.properties[name]
                ? faults(value[name], schema.properties[name], `${at}.${name}`)
                : [`${at}: there is no ${name}`],
        ),
    ];
}

test("the cluster that is not there answers as the document says", () => {
    const cluster = new Cluster();
    const names = { session: 3, request: 40, worker: 2 };
    let seen = 0;
    for (const [path, { get }] of Object.entries(openapi.paths)) {
        const schema = get?.responses[200]?.content?.["application/json"]?.schema;
        const asked = path.replace("/api/v1/", "").replace(/\{(\w+)\}/g, (_, name) => names[name]);
        const answer = schema && cluster.answer(asked, new URLSearchParams());
        if (!path.startsWith("/api/v1/") || !answer) continue;
        assert.deepEqual(faults(answer, schema, asked), []);
        seen++;
    }
    assert.ok(seen >= 15, `${seen} paths`);
});

for (const dark of [false, true])
    test(`every page can be read by everybody, in ${dark ? "dark" : "light"} colours`, async () => {
        const page = await open(browser, small.url, { dark });
        for (const [name, where] of Object.entries(PAGES)) {
            await page.goto(small.url + where);
            await page.getByRole("heading", { level: 1 }).waitFor();
            await page.waitForFunction(() => !document.body.innerText.includes("Asking …"));
            assert.deepEqual(await serious(page), [], name);
            await picture(page, `stand-in-${name}${dark ? "-dark" : ""}`);
        }
        assert.deepEqual(page.faults, []);
        await page.context().close();
    });

test("nothing is wider than a phone", async () => {
    const page = await open(browser, small.url, { phone: true, hasTouch: true });
    for (const [name, where] of Object.entries(PAGES)) {
        await page.goto(small.url + where);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await page.waitForFunction(() => !document.body.innerText.includes("Asking …"));
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(wide <= 0, `${name} is ${wide} pixels too wide`);
        await picture(page, `stand-in-${name}-phone`);
    }
    assert.deepEqual(page.faults, []);
    await page.context().close();
});

test("of a thousand workers those in sight are in the document, and all can be found", async () => {
    const page = await open(browser, `${large.url}#/workers`);
    const table = page.getByRole("table");
    await table.getByText("node0001").waitFor();
    assert.equal(await table.getAttribute("aria-rowcount"), "1001");
    assert.ok((await table.locator("tbody tr").count()) < 100);
    await picture(page, "stand-in-thousand-workers");

    await page.getByRole("region", { name: "Workers", exact: true }).focus();
    await page.keyboard.press("End");
    await table.getByText("node1000").waitFor();
    assert.equal(await table.locator("tr", { hasText: "node1000" }).getAttribute("aria-rowindex"), "1001");

    await page.getByRole("searchbox").fill("node0417");
    await page.getByRole("heading", { name: "1 worker", exact: true }).waitFor();
    await page.getByRole("searchbox").fill("");
    await page.getByRole("button", { name: "On disk" }).click();
    await page.waitForURL(/sort=-disk/);
    assert.equal(await page.getByRole("columnheader", { name: "On disk" }).getAttribute("aria-sort"), "descending");
    await page.context().close();
});

for (const phone of [false, true])
    test(`pages of a thousand workers can be read ${phone ? "on a phone" : "by everybody"}`, async () => {
        const page = await open(browser, large.url, { phone, hasTouch: phone });
        for (const name of ["overview", "workers", "timeline", "storage", "task"]) {
            await page.goto(large.url + PAGES[name]);
            await page.getByRole("heading", { level: 1 }).waitFor();
            await page.waitForFunction(() => !document.body.innerText.includes("Asking …"));
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
            assert.ok(wide <= 0, `${name} is ${wide} pixels too wide`);
            assert.deepEqual(await serious(page), [], name);
            if (name === "overview") await page.getByText("The 12 fullest of 1,000 workers.").waitFor();
            await picture(page, `stand-in-thousand-${name}${phone ? "-phone" : ""}`);
        }
        assert.deepEqual(page.faults, []);
        await page.context().close();
    });

test("the keyboard is enough", async () => {
    const page = await open(browser, small.url);
    await page.getByRole("heading", { name: "3 workers" }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter"); // to the page itself, past the list of pages
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");

    const chart = page.getByRole("img", { name: /^Memory over/ });
    await chart.focus();
    await page.keyboard.press("ArrowLeft");
    const when = page.locator("figure", { has: chart }).locator(".when");
    await when.filter({ hasText: /^\d\d:\d\d:\d\d$/ }).waitFor();

    await page.goto(`${small.url}#/timeline`);
    const lanes = page.getByRole("region", { name: /^Lanes/ });
    await lanes.focus();
    const span = page.locator(".span");
    const seen = await span.innerText();
    await page.keyboard.press("+");
    await page.waitForFunction((old) => document.querySelector(".span").innerText !== old, seen);
    assert.match(await span.innerText(), /20 s$/);
    await page.context().close();
});

test("a chart has its values as a table", async () => {
    const page = await open(browser, small.url);
    await page.getByRole("button", { name: "Table of Memory" }).click();
    const header = page.getByRole("region", { name: "Values" }).getByRole("columnheader");
    assert.deepEqual(await header.allInnerTexts(), ["Time", "pinned", "idle chunks", "tasks"]);
    await page.context().close();
});

test("a task is canceled only after a question", async () => {
    const page = await open(browser, `${small.url}#/tasks/40`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Leave it" }).click();
    await page.getByRole("heading", { name: /running/ }).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel the task" }).click();
    await page.getByRole("heading", { name: /canceled/ }).waitFor();
    await page.context().close();
});

test("colours are kept", async () => {
    const page = await open(browser, small.url);
    await page.getByLabel("Colours").selectOption("dark");
    await page.reload();
    await page.getByRole("heading", { name: "3 workers" }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
    await page.context().close();
});

test("a page that lost its daemon says so and comes back by itself", async () => {
    const cluster = new Cluster();
    const first = await serve(process.env.WEB_OUT, cluster);
    const page = await open(browser, first.url);
    await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
    first.close();
    await page.getByText("does not answer").waitFor();
    const again = await serve(process.env.WEB_OUT, cluster, { port: Number(new URL(first.url).port) });
    await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
    again.close();
    await page.context().close();
});

test("nobody listens while a page is not looked at", async () => {
    const page = await open(browser, small.url);
    await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
    await page.clock.install();
    await page.evaluate(() => {
        Object.defineProperty(document, "hidden", { value: true, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    });
    await page.clock.runFor(11_000);
    await page.getByText("Paused").waitFor();
    await page.context().close();
});
