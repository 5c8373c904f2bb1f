// SPDX-License-Identifier: Apache-2.0
// What needs no browser: how quantities are written, what the timeline remembers, and what changes are.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";

const source = join(dirname(fileURLToPath(import.meta.url)), "../src");
let format, spans, alike, change, newest;

before(async () => {
    const { buildSync } = createRequire(join(process.env.WEB_MODULES, "package.json"))("esbuild");
    const load = (name) => {
        const options = { entryPoints: [join(source, name)], bundle: true, write: false, format: "esm" };
        const { text } = buildSync(options).outputFiles[0];
        return import(`data:text/javascript,${encodeURIComponent(text)}`);
    };
    format = await load("format.ts");
    spans = await load("parts/spans.ts");
    alike = await load("parts/alike.ts");
    change = await load("change.ts");
    newest = await load("parts/newest.ts");
});

test("bytes have three digits and never a thousand of a unit", () => {
    const wanted = {
        0: "0 B",
        1023: "1023 B",
        1024: "1 KiB",
        1536: "1.5 KiB",
        1048575: "1 MiB",
        5368709120: "5 GiB",
    };
    for (const [n, text] of Object.entries(wanted)) assert.equal(format.bytes(Number(n)), text);
    for (let n = 1; n < 2 ** 50; n = Math.ceil(n * 1.0007))
        assert.match(format.bytes(n), /^\d{1,4}(\.\d{1,2})? \w+$/);
});

test("numbers have three digits that say something, and of thousands all", () => {
    const wanted = { 0: "0", 0.125: "0.13", 7.25: "7.25", 72.52: "72.5", 999.4: "999", 2606.7: "2,607" };
    for (const [n, text] of Object.entries(wanted)) assert.equal(format.UNITS.number.text(Number(n)), text);
});

test("durations have two units at most, and carry", () => {
    const wanted = {
        0.0000123: "12.3 µs",
        0.25: "250 ms",
        59.9: "59.9 s",
        60: "1 min 00 s",
        3599.6: "1 h 00 min",
        86399: "1 d 0 h",
        100000: "1 d 4 h",
    };
    for (const [seconds, text] of Object.entries(wanted)) assert.equal(format.duration(Number(seconds)), text);
});

const lane = { lane: 0, worker: 1, worker_name: "node01", kind: "thread", number: 0 };
const span = (start, seconds, number = start) => ({
    ...{ lane: 0, number, start, seconds, kind: "compute", label: "add", plan: 1, n: 1, bytes: 0 },
});
const answer = (time, list, lanes = [lane]) => ({
    time,
    lanes,
    spans: list,
    workers: 1,
    workers_shown: 1,
    dropped: 0,
});

test("a span that is told twice is there once, whatever the lane is numbered", () => {
    const seen = new spans.Spans();
    seen.add(answer(1003, [span(1000, 0.5, 7), span(1001, 0.5, 8)]));
    const other = { ...lane, worker: 0 };
    const again = [
        { ...span(1001.00001, 0.5, 8), lane: 1 }, // a clock was read anew
        { ...span(1002, 0.5, 9), lane: 1 },
    ];
    seen.add(answer(1004, again, [other, { ...lane, lane: 1 }]));
    assert.deepEqual(
        seen.tracks.map((track) => track.spans.map(({ start }) => start)),
        [[], [1000, 1001, 1002]],
    );
});

test("a worker that was started again goes on in its lanes, and one that does not count is shown, too", () => {
    const seen = new spans.Spans();
    seen.add(answer(1003, [span(1000, 0.5, 70)]));
    for (let k = 0; k < 2; k++) seen.add(answer(1003, [span(1000, 0.5, 70), span(1002, 0.5, 0)]));
    for (let k = 0; k < 2; k++) seen.add(answer(1003, [{ ...span(1003, 0.5), number: undefined }]));
    assert.deepEqual(
        seen.tracks[0].spans.map(({ start }) => start),
        [1000, 1002, 1003],
    );
});

test("what is older than the timeline goes", () => {
    const seen = new spans.Spans();
    seen.add(answer(1000, [span(990, 5)]));
    seen.add(answer(1000 + spans.KEPT_SECONDS, []));
    assert.equal(seen.tracks[0].spans.length, 0);
});

test("how busy threads were adds up to the time that they computed", () => {
    const seen = new spans.Spans();
    seen.add(answer(1010, [span(1000.25, 0.5), span(1002, 3), span(1009, 1)]));
    const share = [...seen.busy(1000, 1010, 7)];
    assert.ok(Math.abs(share.reduce((sum, value) => sum + value) * (10 / 7) - 4.5) < 1e-9);
    assert.ok(share.every((value) => value >= 0 && value < 1 + 1e-9));
    const [total] = seen.totals(1000.5, 1004);
    assert.ok(Math.abs(total.seconds - 2.25) < 1e-9);
    assert.equal(spans.firstAfter(seen.tracks[0].spans, 1001), 1);
});

test("stages that are alike and follow each other are one, and others are not", () => {
    const node = (number, label, done) => ({
        ...{ node: number, kind: "block", label, shape: [8, 8], dtype: "float64", kept: false, tensor: null },
        ...{ tasks: 4, done, given: 1, bytes: 100 },
    });
    const nodes = [
        node(0, "exp", 4),
        node(1, "matmul", 4),
        node(2, "matmul", 2),
        node(3, "matmul", 0),
        node(4, "exp", 0),
    ];
    const edges = [
        [0, 1],
        [0, 2],
        [0, 3],
        [1, 2],
        [2, 3],
        [3, 4],
    ].map(([from, to]) => ({ from, to }));
    const one = alike.nodesInOne({ nodes, edges });
    assert.deepEqual(
        one.nodes.map(({ label, done, tasks }) => [label, done, tasks]),
        [
            ["exp", 4, 4],
            ["matmul × 3", 6, 12],
            ["exp", 0, 4],
        ],
    );
    assert.deepEqual(one.edges, [
        { from: 0, to: 1 },
        { from: 1, to: 4 },
    ]);
    const operators = alike.operatorsInOne(nodes.map((each) => ({ ...each, bytes_done: 1 })));
    assert.deepEqual(
        operators.map(({ label, bytes_done }) => [label, bytes_done]),
        [
            ["exp", 1],
            ["matmul × 3", 3],
            ["exp", 1],
        ],
    );
});

test("a change says what is new, and what it does not speak of stays the same object", () => {
    const before = [
        { worker: 1, state: "works", disk: { dirs: [1, 2], queue: 3 } },
        { worker: 2, state: "works", disk: null },
        { worker: 3, state: "away", disk: null },
    ];
    const now = change.apply(before, {
        drop: [2],
        rows: [
            {
                key: 1,
                set: { state: "draining" },
                in: { disk: { set: { queue: 4 }, in: { dirs: { append: [5] } } } },
            },
        ],
        add: [
            { at: 0, row: { worker: 9, state: "works", disk: null } },
            { at: 2, row: { worker: 2, state: "away", disk: null } },
        ],
    });
    assert.deepEqual(now, [
        { worker: 9, state: "works", disk: null },
        { worker: 1, state: "draining", disk: { dirs: [1, 2, 5], queue: 4 } },
        { worker: 2, state: "away", disk: null },
        { worker: 3, state: "away", disk: null },
    ]);
    assert.equal(now[3], before[2]);
    assert.deepEqual(before[0].disk.dirs, [1, 2]);
    assert.deepEqual(change.apply(before, {}), before);
    assert.deepEqual(change.apply(before, { now: null }), null);
});

test("a history goes on where it was, and what changes altogether is there as a whole", () => {
    const before = { time: [1, 2, 3], cpu: [null, 0, 0], interval_seconds: 1 };
    const next = { in: { time: { shift: 1, append: [4] }, cpu: { shift: 2 } }, set: { interval_seconds: 2 } };
    assert.deepEqual(change.apply(before, next), { time: [2, 3, 4], cpu: [0], interval_seconds: 2 });
    assert.deepEqual(change.apply(before, { in: { time: { now: [] } } }), { ...before, time: [] });
    const rows = [{ from: 1, to: 2 }];
    assert.deepEqual(change.apply(rows, { rows: [{ key: 1, now: { from: 1 } }] }), [{ from: 1 }]);
});

test("lines of several daemons are in one order, the newest first", () => {
    const said = (...lines) => lines.map(([time, text]) => ({ time, text }));
    const lines = said([10, "a worker joins"], [18, "a session begins"], [18, "it asks"], [10.5, "sign in"]);
    const texts = newest.newestFirst(lines).map((line) => line.text);
    assert.deepEqual(texts, ["it asks", "a session begins", "sign in", "a worker joins"]);
    assert.equal(lines[0].text, "a worker joins");
});
