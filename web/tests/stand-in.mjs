// SPDX-License-Identifier: Apache-2.0
// A cluster that exists in its answers only, of any size and in any state: what a real one on a test's machine cannot
// be. Everything is a function of the time. pages.test.mjs holds the answers to docs/openapi.json.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const MiB = 2 ** 20,
    GiB = 2 ** 30;
const HISTORY_SECONDS = 900;
const OPERATORS = [
    "random_normal",
    "multiply → add",
    "exp → sum",
    "matmul",
    "mean → subtract → multiply",
    "sqrt → divide",
];
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };

/** Smooth, between 0 and 1, and another one for each seed. */
function wave(time, seed) {
    return 0.5 + 0.28 * Math.sin(time / 23 + seed * 1.7) + 0.22 * Math.sin(time / 5.3 + seed * 2.9);
}

/** A fraction in [0, 1) that depends on both and on nothing else. */
function chance(a, b) {
    const x = Math.sin(a * 12.9898 + b * 78.233) * 43758.5453;
    return x - Math.floor(x);
}

export class Cluster {
    constructor({ workers = 3, threads = 4, requests = 2 } = {}) {
        this.workers = workers;
        this.threads = threads;
        this.requests = requests;
        this.began = Date.now() / 1e3 - 2000;
        this.canceled = new Map();
    }

    now() {
        return Date.now() / 1e3;
    }

    worker(number) {
        const t = this.now(),
            busy = wave(t, number);
        const away = number % 97 === 41,
            draining = number % 61 === 13;
        return {
            worker: number,
            name: `node${String(number).padStart(this.workers > 99 ? 4 : 2, "0")}`,
            address: `tcp://10.0.${number >> 8}.${number & 255}:7103`,
            state: away ? "away" : draining ? "draining" : "works",
            threads: this.threads,
            running: away ? 0 : Math.round(busy * this.threads),
            tasks_done: Math.floor((t - this.began) * (20 + 10 * chance(number, 1))),
            chunks: 200 + ((number * 37) % 311),
            cache_bytes: 6 * GiB,
            memory_bytes: 8 * GiB,
            used_bytes: Math.floor((0.3 + 0.6 * wave(t / 3, number)) * 6 * GiB),
            pinned_bytes: Math.floor(0.25 * busy * 6 * GiB),
            scratch_bytes: Math.floor(0.8 * busy * GiB),
            resident_bytes: 7 * GiB,
            spilled_bytes: Math.floor(wave(t / 9, number) * 3 * GiB),
            cpu_seconds: (t - this.began) * 0.6 * this.threads + 3 * busy,
            received_bytes: Math.floor((t - this.began) * 40 * MiB),
            sent_bytes: Math.floor((t - this.began) * 38 * MiB),
            disk_read_bytes: Math.floor((t - this.began) * 5 * MiB),
            disk_written_bytes: Math.floor((t - this.began) * 9 * MiB),
            pages: "reserved 2 MiB",
            heard_seconds: away ? 35 : 0.4,
        };
    }

    detail(number) {
        const worker = this.worker(number);
        return {
            ...worker,
            said: worker.state !== "away",
            process: 4200 + number,
            transfer_bytes: 90 * MiB,
            heap_bytes: 210 * MiB,
            soft_limit_bytes: 5.4 * GiB,
            hard_limit_bytes: worker.memory_bytes,
            machine: {
                cpus: this.threads,
                cpu: 0.8 * this.threads * wave(this.now(), number),
                load: 3.2,
                memory_bytes: 16 * GiB,
                available_bytes: 7.5 * GiB,
                huge_page_bytes: 2 * MiB,
                huge_pages: 3072,
                huge_pages_free: 12,
            },
            disk: {
                engine: "io_uring",
                queue: 6,
                codec: "lz4",
                spilled: 4210,
                evicted: 3977,
                returned: 3101,
                buffer_bytes: 64 * MiB,
                file_bytes: 4 * GiB,
                dirs: [{ path: "/var/lib/mars/spill", used_bytes: 4 * GiB, free_bytes: 212 * GiB, state: "works" }],
            },
            tasks: Array.from({ length: worker.running }, (_, k) => ({
                thread: k,
                label: OPERATORS[(k + number) % 6],
                plan: 41,
                task: 300 + k,
                seconds: 2.7 / (k + 1),
            })),
            peers: Array.from({ length: Math.min(8, this.workers) }, (_, k) => ({
                worker: k || null,
                name: k ? `node0${k}` : "climate.py",
                address: `10.0.0.${k}:7103`,
                received_bytes: (k + 1) * 300 * MiB,
                sent_bytes: (k + 2) * 210 * MiB,
                lent_bytes: k === 2 ? 4 * MiB : 0,
            })),
        };
    }

    columns(names, value) {
        const end = Math.floor(this.now());
        const time = Array.from({ length: HISTORY_SECONDS }, (_, k) => end - HISTORY_SECONDS + 1 + k);
        return {
            interval_seconds: 1,
            time,
            ...Object.fromEntries(names.map((name, k) => [name, time.map((t) => value(name, t, k))])),
        };
    }

    history() {
        const whole = this.workers * this.threads;
        const scale = {
            workers: () => this.workers,
            running: (t) => Math.round(whole * wave(t, 1)),
            tasks: (t) => 300 * wave(t, 2),
            cpu: (t) => whole * 0.9 * wave(t, 1),
        };
        return this.columns(
            [
                "workers",
                "running",
                "tasks",
                "cpu",
                "used_bytes",
                "pinned_bytes",
                "scratch_bytes",
                "spilled_bytes",
                "received_bytes",
                "sent_bytes",
                "disk_read_bytes",
                "disk_written_bytes",
            ],
            (name, t, k) =>
                scale[name]
                    ? scale[name](t)
                    : Math.floor(
                          (this.workers * (name === "used_bytes" ? 4 * GiB : 0.4 * GiB) * wave(t, k)) /
                              (name.match(/received|sent|disk/) ? 8 : 1),
                      ),
        );
    }

    workerHistory(number) {
        const bytes = {
            pinned_bytes: GiB,
            idle_bytes: 3 * GiB,
            transfer_bytes: GiB / 8,
            scratch_bytes: GiB,
            heap_bytes: GiB / 4,
        };
        return this.columns(
            [
                "cpu_user",
                "cpu_system",
                "machine_cpu",
                "machine_iowait",
                "running",
                "tasks",
                "pinned_bytes",
                "idle_bytes",
                "transfer_bytes",
                "scratch_bytes",
                "heap_bytes",
                "free_bytes",
                "spilled_bytes",
                "received_bytes",
                "sent_bytes",
                "disk_read_bytes",
                "disk_written_bytes",
            ],
            (name, t, k) => {
                const level = wave(t, number + (name.startsWith("cpu") || name.startsWith("machine") ? 0 : k));
                if (name === "cpu_user") return 0.8 * this.threads * level;
                if (name === "cpu_system") return 0.1 * this.threads * level;
                if (name === "machine_cpu") return 0.95 * this.threads * level;
                if (name === "machine_iowait") return 0.3 * (1 - level);
                if (name === "running") return Math.round(this.threads * level);
                if (name === "tasks") return 40 * level;
                return Math.floor((bytes[name] ?? 60 * MiB) * level);
            },
        );
    }

    request(number) {
        const t = this.now(),
            started = this.now() - 100 * (41 - number) + 3,
            tasks = 1200 + 400 * number;
        const running = number > 40 - this.requests && !this.canceled.has(number);
        const done = Math.floor(tasks * ((t / 40 + number * 0.37) % 1));
        const failed = number % 7 === 3 && !running;
        const state = running ? "running" : this.canceled.has(number) ? "canceled" : failed ? "failed" : "succeeded";
        return {
            request: number,
            session: 3 + (number % 3),
            name: ["climate.py", "notebook", "fit_model.py"][number % 3],
            from: `uid 1000, process ${7000 + number}`,
            user: 1000,
            state,
            plan: running ? 41 + number : null,
            tasks,
            tasks_done: state === "succeeded" ? tasks : done,
            tasks_given: running ? Math.min(12, tasks - done) : 0,
            seconds: running ? t - started : 14.2 + number,
            started,
            finished: running ? null : started + 14.2 + number,
            seconds_left: running ? (tasks - done) / 35 : null,
            result_bytes: state === "succeeded" ? number * 37 * MiB : null,
            error: failed
                ? "matmul: chunk (3, 1): out of memory: 8.1 GiB are needed, and the limit is 8 GiB\n  model.py:41"
                : null,
        };
    }

    list() {
        return Array.from({ length: 30 }, (_, k) => this.request(40 - k));
    }

    requestDetail(number) {
        const request = this.request(number),
            share = request.tasks_done / request.tasks;
        return {
            ...request,
            tasks_before: 0,
            truncated: 0,
            operators:
                request.state === "running"
                    ? OPERATORS.map((label, k) => {
                          const tasks = [400, 400, 300, 240, 160, 100][k];
                          const done = Math.round(tasks * Math.min(1, Math.max(0, share * 3 - k * 0.4)));
                          return {
                              node: k,
                              label,
                              kind: ["nest", "nest", "merge", "block", "nest", "nest"][k],
                              tasks,
                              done,
                              given: Math.min(4, tasks - done),
                              bytes: tasks * 8 * MiB,
                              bytes_done: done * 8 * MiB,
                          };
                      })
                    : [],
            why:
                request.state === "running"
                    ? {
                          task: "matmul: chunk (3, 1)",
                          reason: "given",
                          worker: 1,
                          late: false,
                          tried_by: null,
                          running: 3,
                          tasks: 1600,
                          tasks_done: 700,
                          tasks_given: 12,
                          requests_ahead: 0,
                      }
                    : null,
        };
    }

    graph(number) {
        const { operators, plan } = this.requestDetail(number);
        const nodes = operators.map((operator, k) => ({
            node: k,
            kind: operator.kind,
            label: operator.label,
            shape: k === 2 ? [] : [100000, 4000],
            dtype: "float64",
            kept: k === 5,
            tensor: null,
            tasks: operator.tasks,
            done: operator.done,
            given: operator.given,
            bytes: operator.bytes,
        }));
        nodes.push({
            node: 6,
            kind: "tensor",
            label: "era5_t2m",
            shape: [100000, 4000],
            dtype: "float64",
            kept: false,
            tensor: 17,
            tasks: 0,
            done: 0,
            given: 0,
            bytes: 3.2e9,
        });
        return {
            request: number,
            plan,
            truncated: 0,
            complete: true,
            nodes,
            edges: [
                [0, 1],
                [6, 1],
                [1, 2],
                [1, 3],
                [2, 4],
                [3, 4],
                [4, 5],
                [0, 5],
            ].map(([from, to]) => ({ from, to })),
        };
    }

    overview() {
        const all = Array.from({ length: this.workers }, (_, k) => this.worker(k + 1));
        const sum = (field) => all.reduce((total, worker) => total + worker[field], 0);
        const away = all.filter((worker) => worker.state === "away").length;
        return {
            time: this.now(),
            version: "0.1.0",
            seconds: this.now() - this.began,
            workers: this.workers - away,
            workers_away: away,
            workers_draining: all.filter((worker) => worker.state === "draining").length,
            threads: sum("threads"),
            sessions: 3,
            requests: this.requests,
            tensors: 14,
            plans: this.requests,
            tasks_waiting: 814,
            tasks_given: 16,
            tasks_done: sum("tasks_done"),
            tasks_remade: 3,
            tasks_tried_twice: 1,
            chunks_compared: 2,
            chunks_differed: 0,
            state_bytes: 41 * MiB,
            answer_seconds: 0.25,
            ...Object.fromEntries(
                [
                    "running",
                    "cache_bytes",
                    "memory_bytes",
                    "used_bytes",
                    "pinned_bytes",
                    "scratch_bytes",
                    "resident_bytes",
                    "spilled_bytes",
                    "cpu_seconds",
                    "received_bytes",
                    "sent_bytes",
                    "disk_read_bytes",
                    "disk_written_bytes",
                ].map((field) => [field, sum(field)]),
            ),
            checks: [
                {
                    name: "workers",
                    status: away ? "warning" : "good",
                    text: away ? `${away} workers are away` : "All workers are there",
                },
                { name: "pages", status: "good", text: "Chunks lie in reserved huge pages" },
                { name: "disk", status: "good", text: "Spilling goes through io_uring" },
            ],
            errors: this.log().lines.filter((line) => line.level <= 4),
        };
    }

    log() {
        const texts = [
            [6, "node01 has come: 4 threads, 6 GiB"],
            [6, "request 38 began"],
            [4, "node03 was not heard for 2 s"],
            [3, "request 38: matmul: chunk (3, 1): out of memory: 8.1 GiB are needed, and the limit is 8 GiB"],
            [6, "node03 is heard again"],
        ];
        return {
            dropped: 120,
            lines: texts.map(([level, text], k) => ({
                time: this.began + 1900 + 7 * k,
                level,
                source: "scheduler",
                session: k === 3 ? 4 : null,
                request: k === 1 || k === 3 ? 38 : null,
                worker: k === 2 || k === 4 ? 3 : null,
                text,
            })),
        };
    }

    storage() {
        const tensors = Array.from({ length: 14 }, (_, k) => ({
            tensor: 100 + k,
            names: k < 3 ? [["era5_t2m", "mask", "weights"][k]] : [],
            sessions: 1 + (k % 2),
            shape: [100000 >> k, 4000],
            dtype: k % 3 ? "float64" : "float32",
            bytes: (100000 >> k) * 4000 * (k % 3 ? 8 : 4),
            chunks: 400 >> (k >> 1),
            lost: k === 5 ? 2 : 0,
            recipe: k !== 5,
            places: Array.from({ length: Math.min(this.workers, 5) }, (_, w) => ({
                worker: w + 1,
                chunks: 10 + (((k + w) * 7) % 30),
            })),
            places_left_out: Math.max(0, this.workers - 5),
        }));
        return {
            total: tensors.length,
            bytes: tensors.reduce((sum, tensor) => sum + tensor.bytes, 0),
            truncated: 0,
            tensors,
        };
    }

    sessions() {
        return [3, 4, 5].map((session, k) => ({
            session,
            name: ["climate.py", "notebook", "fit_model.py"][k],
            from: k === 1 ? "10.0.3.17" : `process ${7000 + k}`,
            user: k === 1 ? null : 1000,
            state: k === 2 ? "away" : "here",
            away_seconds: k === 2 ? 12.4 : null,
            running: k < 2 ? 1 : 0,
            finished: 12 * k,
            tensors: 3 + k,
            result_bytes: k * 513 * MiB,
        }));
    }

    timeline(since, only) {
        const end = this.now(),
            from = Math.max(since ?? 0, end - 120),
            lanes = [],
            spans = [];
        const shown = only ? [only] : Array.from({ length: Math.min(this.workers, 8) }, (_, k) => k + 1);
        for (const worker of shown)
            for (const [kind, n] of [
                ["thread", this.threads],
                ["receive", 1],
                ["send", 1],
                ["read", 1],
                ["write", 1],
            ])
                for (let number = 0; number < n; number++) {
                    const lane = lanes.length;
                    lanes.push({ lane, worker, worker_name: this.worker(worker).name, kind, number });
                    this.spans(lane, kind, worker * 31 + number + kind.length, from, end, spans);
                }
        return { time: end, lanes, spans, workers: this.workers, workers_shown: shown.length, dropped: 0 };
    }

    /** A slot of 0.4 s has a span or is idle. */
    spans(lane, kind, seed, from, end, spans) {
        const slot = kind === "thread" ? 0.4 : 1.1;
        for (let k = Math.floor(from / slot); (k + 1) * slot <= end; k++) {
            const seconds = slot * (0.25 + 0.74 * chance(k, seed));
            const idle = chance(k, seed + 7) > (kind === "thread" ? 0.55 + 0.45 * wave(k * slot, 3) : 0.4);
            if (idle || k * slot + seconds <= from) continue;
            const compute = kind === "thread";
            spans.push({
                lane,
                number: k,
                start: k * slot,
                seconds,
                kind: compute ? "compute" : kind,
                n: 1 + (k % 3),
                label: compute ? OPERATORS[Math.floor((k * slot) / 6 + (seed % 2)) % 6] : "",
                plan: 41 + (k % 2),
                bytes: compute ? 0 : 8 * MiB,
            });
        }
    }

    about() {
        const values = [
            ["host", "0.0.0.0", "/etc/mars/mars.conf:3"],
            ["ui_port", "7104", "default"],
            ["schedulers", "tcp://10.0.0.1:7101", "command line"],
            ["log_level", "information", "default"],
        ];
        return {
            version: "0.1.0",
            api: "v1",
            protocol: 4,
            libmicrohttpd: "0.9.75",
            scheduler: "tcp://10.0.0.1:7101",
            scheduler_version: "0.1.0",
            epoch: 2,
            configurations: ["mars-web", "mars-scheduler"].map((program) => ({
                program,
                values: values.map(([name, value, origin]) => ({ name, value, origin })),
            })),
        };
    }

    answer(path, query) {
        const [place, number, part] = path.split("/");
        const n = Number(number);
        switch (place) {
            case "overview":
                return this.overview();
            case "history":
                return this.history();
            case "sessions":
                return number === undefined ? this.sessions() : this.sessions().find(({ session }) => session === n);
            case "storage":
                return this.storage();
            case "logs":
                return this.log();
            case "about":
                return this.about();
            case "timeline":
                if (number !== undefined) return undefined;
                return this.timeline(
                    query.has("since") ? Number(query.get("since")) : undefined,
                    Number(query.get("worker") ?? 0),
                );
            case "requests":
                if (number === undefined) return this.list();
                return part === "graph" ? this.graph(n) : this.requestDetail(n);
            case "workers":
                if (number === undefined) return Array.from({ length: this.workers }, (_, k) => this.worker(k + 1));
                return (
                    {
                        history: () => this.workerHistory(n),
                        log: () => this.log(),
                        configuration: () => this.about().configurations[0],
                    }[part]?.() ?? this.detail(n)
                );
            default:
                return undefined;
        }
    }
}

const POLICY =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Serves the built pages of a folder and the answers of a cluster below a path, as behind a proxy. */
export function serve(folder, cluster, { below = "", port = 0, every = 500 } = {}) {
    const server = createServer((request, response) => {
        const url = new URL(request.url, "http://stand-in");
        const path = url.pathname.startsWith(`${below}/`) ? url.pathname.slice(below.length + 1) : null;
        const say = (status, type, body) =>
            response.writeHead(status, { "Content-Type": type, "Content-Security-Policy": POLICY }).end(body);
        if (path === "api/v1/events")
            return stream(request, response, url.searchParams.get("topics").split(","), cluster, every);
        const cancel = path?.match(/^api\/v1\/requests\/(\d+)\/cancel$/);
        if (cancel && request.method === "POST") {
            cluster.canceled.set(Number(cancel[1]), true);
            return say(204, "text/plain", "");
        }
        const answer = path?.startsWith("api/v1/") && cluster.answer(path.slice("api/v1/".length), url.searchParams);
        if (answer) return say(200, "application/json", JSON.stringify(answer));
        const name = path === "" ? "index.html" : path;
        if (name && /^[\w.-]+$/.test(name) && TYPES[name.split(".").at(-1)])
            return say(200, TYPES[name.split(".").at(-1)], readFileSync(join(folder, name)));
        return say(404, "application/json", JSON.stringify({ status: 404, text: "there is no such thing" }));
    });
    return new Promise((resolve) =>
        server.listen(port, "127.0.0.1", () =>
            resolve({
                url: `http://127.0.0.1:${server.address().port}${below}/`,
                close: () => {
                    server.closeAllConnections();
                    server.close();
                },
            }),
        ),
    );
}

function stream(request, response, topics, cluster, every) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    const say = () =>
        topics.forEach((topic) => {
            const [path, query] = topic.split("?");
            const answer = cluster.answer(path, new URLSearchParams(query));
            response.write(`event: ${topic}\ndata: ${JSON.stringify(answer)}\n\n`);
        });
    say();
    const timer = setInterval(say, every);
    request.on("close", () => clearInterval(timer));
}
