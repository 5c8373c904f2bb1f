// SPDX-License-Identifier: Apache-2.0
// Every page before a real cluster that runs real jobs: progress moves, cancel cancels, a killed worker is seen, the
// timeline fills.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { launch, open, picture, serious } from "./browser.mjs";
import { Cluster, TOKEN } from "./daemons.mjs";

/** Minutes of products of tiles, of which few fit into memory: whoever runs it cancels it. */
const LONG = ["x = mt.random.rand(16000, 16000, chunk_size=1000)", "print(s.run(mt.exp(x).dot(x).sum()))"];

let browser, cluster, signedIn;

before(async () => {
    browser = await launch();
    cluster = await Cluster.start(["north", "south"]);
});

after(async () => {
    await browser?.close();
    await cluster?.stop();
});

async function at(where) {
    const page = await open(browser, `${cluster.url}${where}`, { storageState: signedIn });
    await page.getByRole("heading", { level: 1 }).waitFor();
    return page;
}

async function leave(page) {
    assert.deepEqual(page.faults, []);
    await page.context().close();
}

test("the link that is printed signs in, once", async () => {
    const page = await open(browser, cluster.link);
    await page.getByRole("heading", { name: "2 workers" }).waitFor();
    assert.doesNotMatch(page.url(), /login/);
    signedIn = await page.context().storageState();
    assert.ok(signedIn.cookies.every(({ httpOnly, sameSite }) => httpOnly && sameSite === "Strict"));
    await leave(page);

    const again = await open(browser, cluster.link);
    await again.getByRole("alert").filter({ hasText: "has been used" }).waitFor();
    await again.context().close();
});

test("without a link the token signs in, and nothing else", async () => {
    const page = await open(browser, `${cluster.url}#/workers`);
    const field = page.getByLabel("The cluster's token");
    await field.waitFor();
    assert.deepEqual(await serious(page), []);
    await picture(page, "cluster-sign-in");
    await field.fill("a-token-of-somebody-else");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await field.fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "north" }).waitFor();
    await page.context().close();
});

test("a job is seen from its start to its end", async () => {
    const page = await at("#/");
    await page.getByRole("heading", { name: "2 workers, nothing to do" }).waitFor();
    const job = cluster.job("print('answer', s.run(mt.ones((4000, 4000), chunk_size=500).sum()))");
    await job.says(/answer 16000000/);
    assert.equal(await job.ended, 0, job.said);
    await page.getByText(/The last one, task \d+/).waitFor();
    await page
        .getByRole("link", { name: /^task \d+/ })
        .first()
        .click();
    await page.getByRole("heading", { name: /succeeded/ }).waitFor();
    await leave(page);
});

test("while a job runs every page shows it, and cancel cancels it", async () => {
    const job = cluster.job(...LONG);
    const page = await at("#/");
    await page.getByRole("heading", { name: "2 workers, 1 task under way" }).waitFor();
    const link = page.getByRole("link", { name: /^Task \d+/ });
    const number = (await link.innerText()).split(" ")[1];
    await link.click();

    // Progress moves.
    const whole = page.getByRole("progressbar", { name: "The whole task" });
    const bar = await whole.elementHandle();
    const beyond = ([element, from]) => Number(element.getAttribute("aria-valuenow")) > from;
    await page.waitForFunction(beyond, [bar, 0]);
    await page.waitForFunction(beyond, [bar, Number(await whole.getAttribute("aria-valuenow"))]);
    await page.getByRole("region", { name: "Operators" }).getByText("matmul").first().waitFor();
    await picture(page, "cluster-task");

    // The graph has the operators.
    await page.getByRole("link", { name: "Graph" }).click();
    await page
        .getByRole("button", { name: /matmul/ })
        .first()
        .click();
    await page.getByText(/of [\d,]+ done/).waitFor();
    await picture(page, "cluster-graph");

    // The timeline fills, by the page's one stream.
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(`${cluster.url}#/timeline`);
    await page.getByRole("row", { name: /matmul/ }).waitFor();
    await page.getByRole("row", { name: /write to disk/ }).waitFor();
    const strip = page.locator(".filters .span");
    const shown = await strip.innerText();
    await page.waitForFunction((old) => document.querySelector(".filters .span").innerText !== old, shown);
    assert.deepEqual(
        asked.filter((path) => path.includes("/api/")).map((path) => path.split("/").at(-1)),
        ["events"],
    );
    await picture(page, "cluster-timeline");

    // A worker says what it does.
    await page.goto(`${cluster.url}#/workers`);
    await page.getByRole("link", { name: "north" }).click();
    await page.getByRole("region", { name: "Running now" }).getByText("matmul").first().waitFor();
    await page
        .getByRole("region", { name: /Configuration of mars-worker/ })
        .getByText("--threads")
        .first()
        .waitFor();
    await picture(page, "cluster-worker");

    for (const [name, where] of Object.entries({
        overview: "",
        workers: "workers",
        tasks: "tasks",
        sessions: "sessions",
        storage: "storage",
        logs: "logs",
        about: "about",
    })) {
        await page.goto(`${cluster.url}#/${where}`);
        await page.waitForFunction(() => !document.body.innerText.includes("Asking …"));
        assert.deepEqual(await serious(page), [], name);
        await picture(page, `cluster-${name}`);
    }

    // Cancel cancels.
    await page.goto(`${cluster.url}#/tasks/${number}`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Cancel the task" }).click();
    await page.getByRole("heading", { name: /canceled/ }).waitFor();
    await job.says(/cancel/i);
    assert.notEqual(await job.ended, 0);
    await leave(page);
});

test("a task that fails says why", async () => {
    const job = cluster.job("x = mt.ones((64, 64), chunk_size=16)", "s.run(mt.linalg.cholesky(x - 2 * mt.eye(64)))");
    assert.notEqual(await job.ended, 0);
    const page = await at("#/tasks");
    await page
        .getByRole("row", { name: /failed/ })
        .first()
        .getByRole("link")
        .click();
    await page.getByRole("alert").filter({ hasText: "cholesky" }).waitFor();
    await picture(page, "cluster-failed-task");
    await leave(page);
});

test("lines of the log come by the page's one stream, whatever is asked of them", async () => {
    const page = await at("#/logs?level=4");
    const asked = [];
    page.on("request", (request) => asked.push(new URL(request.url())));
    await page.getByRole("heading", { name: "Logs" }).waitFor();
    const lines = page.getByRole("listitem").filter({ hasText: /singular/i });
    const before = await lines.count();
    const job = cluster.job("s.run(mt.linalg.inv(mt.zeros((8, 8), chunk_size=8)))");
    assert.notEqual(await job.ended, 0);
    await lines.nth(before).waitFor();
    await page.getByLabel("Level").selectOption("3");
    await lines.first().waitFor({ state: "detached" });

    await page.goto(`${cluster.url}#/workers`);
    await page.getByRole("link", { name: "north" }).click();
    await page.getByRole("region", { name: "Lines" }).waitFor();
    const others = asked.filter(({ pathname, search }) => /\/logs?$/.test(pathname) && !search.includes("topics="));
    assert.deepEqual(others.map(String), []);
    assert.ok(asked.some(({ searchParams }) => searchParams.get("topics")?.includes("logs?level=3")));
    await leave(page);
});

test("a worker that is killed turns red, and another one takes its place", async () => {
    const page = await at("#/workers");
    await page.getByRole("row", { name: /south.*works/ }).waitFor();
    await cluster.workers.get("south").stop("SIGKILL");
    await page.getByRole("row", { name: /south.*away/ }).waitFor();
    await picture(page, "cluster-worker-away");
    await cluster.worker("south");
    await page.getByRole("row", { name: /south.*works/ }).waitFor();
    await leave(page);
});

test("a page outlives its daemon", async () => {
    const page = await at("#/");
    await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
    const port = Number(new URL(cluster.url).port);
    await cluster.mars_web.stop("SIGKILL");
    await page.getByText("does not answer").waitFor();
    await cluster.web(port);
    await page.getByRole("status").filter({ hasText: "Live" }).waitFor();
    await page.context().close();
});

test("a result with a name can be fetched, and dropped after a question", async () => {
    const job = cluster.job("mt.arange(1000, chunk_size=100).save_as('numbers', session=s)");
    assert.equal(await job.ended, 0, job.said);
    const page = await at("#/storage");
    const row = page.getByRole("row", { name: /numbers/ });
    const link = await row.getByRole("link", { name: "numbers" }).getAttribute("href");
    const answer = await page.request.get(link);
    assert.deepEqual([...(await answer.body()).subarray(0, 6)], [0x93, ...Buffer.from("NUMPY")]);
    await row.getByRole("button", { name: "Drop" }).click();
    await page.getByRole("button", { name: "Drop the name" }).click();
    await row.waitFor({ state: "detached" });
    await leave(page);
});
