// SPDX-License-Identifier: Apache-2.0
// A real cluster for tests of pages: scheduler, workers and mars-web of this build, and clients in Python.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const WAIT_MS = 30_000;
export const TOKEN = "the-token-of-these-tests";

/** A process, and what it has said so far. */
export class Process {
    said = "";
    #heard = new Set();

    constructor(program, args, env = {}) {
        const environment = { ...process.env, XDG_CONFIG_HOME: "/nonexistent", MARS_TOKEN: TOKEN, ...env };
        this.child = spawn(program, args, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
        for (const stream of [this.child.stdout, this.child.stderr])
            stream.on("data", (text) => {
                this.said += text;
                for (const heard of this.#heard) heard();
            });
        this.ended = new Promise((resolve) =>
            this.child.on("close", (status, signal) => {
                this.status = status ?? signal;
                for (const heard of this.#heard) heard();
                resolve(this.status);
            }),
        );
    }

    /** What matches, as soon as it is said. */
    says(pattern) {
        return new Promise((resolve, reject) => {
            const stop = (act, value) => {
                clearTimeout(timer);
                this.#heard.delete(look);
                act(value);
            };
            const look = () => {
                const found = this.said.match(pattern);
                if (found) stop(resolve, found);
                else if (this.status !== undefined)
                    stop(reject, new Error(`ended with ${this.status} before ${pattern}: ${this.said}`));
            };
            const timer = setTimeout(() => stop(reject, new Error(`never said ${pattern}: ${this.said}`)), WAIT_MS);
            this.#heard.add(look);
            look();
        });
    }

    stop(signal = "SIGTERM") {
        this.child.kill(signal);
        return this.ended;
    }
}

export class Cluster {
    workers = new Map();

    static async start(names) {
        const cluster = new Cluster();
        cluster.folder = mkdtempSync(join(tmpdir(), "mars-pages-"));
        cluster.address = `unix:${cluster.folder}/scheduler`;
        cluster.scheduler = cluster.#daemon(
            "mars-scheduler",
            ...[
                "--socket",
                `${cluster.folder}/scheduler`,
                "--port",
                "none",
                "--state-dir",
                `${cluster.folder}/state`,
            ],
            ...["--suspect", "10", "--dead", "20"],
        );
        await cluster.scheduler.says(/listening/);
        for (const name of names) await cluster.worker(name);
        await cluster.web();
        return cluster;
    }

    #daemon(program, ...options) {
        return new Process(join(process.env.MARS_DAEMONS, program), ["--config-dir", "none", ...options]);
    }

    /** Memory for less than the jobs want, so that they spill. */
    async worker(name) {
        const spill = `${this.folder}/spill-${name}`;
        mkdirSync(spill, { recursive: true });
        const worker = this.#daemon(
            "mars-worker",
            ...["--schedulers", this.address, "--port", "none", "--socket", `${this.folder}/${name}`, "--name", name],
            ...["--threads", "1", "--cache-mem", "96m", "--spill-dirs", spill, "--drain", "none"],
        );
        this.workers.set(name, worker);
        await worker.says(/joined/);
    }

    async web(port = 0) {
        this.mars_web = this.#daemon("mars-web", "--schedulers", this.address, "--ui-port", String(port));
        [, this.link, this.url] = await this.mars_web.says(/with this link, once: ((http:\S+\/)#\/login\/\w+)/);
    }

    /** Runs lines of Python in a session `s`, with `mt` for mars.tensor. */
    job(...lines) {
        const text = ["import sys, mars.tensor as mt", "from mars.session import new_session"];
        text.push("with new_session(sys.argv[1]) as s:", ...lines.map((line) => `    ${line}`));
        return new Process(process.env.PYTHON, ["-c", text.join("\n"), this.address]);
    }

    async stop() {
        await this.mars_web?.stop();
        for (const worker of this.workers.values()) await worker.stop();
        await this.scheduler?.stop();
        rmSync(this.folder, { recursive: true, force: true });
    }
}
