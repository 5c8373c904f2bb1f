// SPDX-License-Identifier: Apache-2.0
// All workers, sorted by what one looks for. Rates are differences of counters between two answers.
import { useMemo, useRef, useState } from "preact/hooks";

import type { Worker } from "../contract";
import { useTopic } from "../feed";
import { bytes, count, duration, plural, rate } from "../format";
import { Await, Bar, Panel, State } from "../parts/bits";
import { memoryParts, memoryWhole } from "../parts/memory";
import { Table, type Column } from "../parts/table";
import { href } from "../route";

interface Rates {
    readonly cpu: number;
    readonly received: number;
    readonly sent: number;
}

type Row = Worker & { readonly rates: Rates | undefined };

const SMOOTH_MS = 2500;

/** Remembers counters for some seconds, so that rates do not jump. */
class Meter {
    private kept: { at: number; rows: Map<number, Worker> }[] = [];

    take(workers: readonly Worker[], at: number): Row[] {
        this.kept.push({ at, rows: new Map(workers.map((worker) => [worker.worker, worker])) });
        while (this.kept.length > 2 && at - this.kept[1]!.at > SMOOTH_MS) this.kept.shift();
        const { at: then, rows } = this.kept[0]!;
        const seconds = (at - then) / 1e3;
        return workers.map((worker) => {
            const old = rows.get(worker.worker);
            const per = (key: "cpu_seconds" | "received_bytes" | "sent_bytes") =>
                Math.max(0, worker[key] - old![key]) / seconds;
            return {
                ...worker,
                rates:
                    old && seconds > 0
                        ? { cpu: per("cpu_seconds"), received: per("received_bytes"), sent: per("sent_bytes") }
                        : undefined,
            };
        });
    }
}

const known = (value: number | undefined, text: (value: number) => string) =>
    value === undefined ? "–" : text(value);

const COLUMNS: readonly Column<Row>[] = [
    {
        key: "worker",
        title: "Worker",
        by: (row) => row.worker,
        cell: (row) => <a href={href(["workers", row.worker])}>{row.name || row.worker}</a>,
    },
    { key: "state", title: "State", by: (row) => row.state, cell: (row) => <State state={row.state} /> },
    { key: "address", title: "Address", by: (row) => row.address, spare: true, cell: (row) => row.address },
    {
        key: "cpu",
        title: "CPU",
        by: (row) => row.rates?.cpu ?? -1,
        number: true,
        cell: (row) => known(row.rates?.cpu, (cpu) => `${cpu.toFixed(1)} / ${row.threads}`),
    },
    { key: "running", title: "Running", by: (row) => row.running, number: true, cell: (row) => count(row.running) },
    {
        key: "memory",
        title: "Memory",
        by: (row) => (row.used_bytes + row.scratch_bytes) / Math.max(1, memoryWhole(row)),
        cell: (row) => (
            <Bar label={`Memory of ${row.name}`} parts={memoryParts(row)} total={memoryWhole(row)} text={bytes} />
        ),
    },
    {
        key: "used",
        title: "Used",
        by: (row) => row.used_bytes,
        number: true,
        cell: (row) => `${bytes(row.used_bytes)} of ${bytes(row.cache_bytes)}`,
    },
    {
        key: "disk",
        title: "On disk",
        by: (row) => row.spilled_bytes,
        number: true,
        cell: (row) => bytes(row.spilled_bytes),
    },
    {
        key: "received",
        title: "Receiving",
        by: (row) => row.rates?.received ?? -1,
        number: true,
        spare: true,
        cell: (row) => known(row.rates?.received, rate),
    },
    {
        key: "sent",
        title: "Sending",
        by: (row) => row.rates?.sent ?? -1,
        number: true,
        spare: true,
        cell: (row) => known(row.rates?.sent, rate),
    },
    {
        key: "done",
        title: "Done",
        by: (row) => row.tasks_done,
        number: true,
        spare: true,
        cell: (row) => count(row.tasks_done),
    },
    {
        key: "heard",
        title: "Heard",
        by: (row) => row.heard_seconds,
        number: true,
        spare: true,
        cell: (row) => (row.heard_seconds < 2 ? "now" : `${duration(row.heard_seconds)} ago`),
    },
];

function List({ workers, at }: { workers: readonly Worker[]; at: number }) {
    const meter = useRef(new Meter());
    const rows = useMemo(() => meter.current.take(workers, at), [workers]);
    const [words, setWords] = useState("");
    const matching =
        words === ""
            ? rows
            : rows.filter((row) =>
                  `${row.name} ${row.address} ${row.state}`.toLowerCase().includes(words.toLowerCase()),
              );
    return (
        <Panel
            title={plural(matching.length, "worker")}
            aside={
                <input
                    type="search"
                    placeholder="Name, address or state"
                    aria-label="Only workers with"
                    value={words}
                    onInput={(event) => setWords(event.currentTarget.value)}
                />
            }
        >
            <Table
                label="Workers"
                columns={COLUMNS}
                rows={matching}
                id={(row) => row.worker}
                empty={words ? "None is like that." : "No worker has come yet."}
            />
        </Panel>
    );
}

export function Workers() {
    const workers = useTopic("workers");
    return (
        <>
            <div class="title">
                <h1>Workers</h1>
            </div>
            <Await news={workers}>{(list) => <List workers={list} at={workers.at ?? 0} />}</Await>
        </>
    );
}
