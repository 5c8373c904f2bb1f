// SPDX-License-Identifier: Apache-2.0
// Tensors that outlive what made them: how large, where, held by whom; and what memory and disks have.
import { address, change } from "../api";
import type { Tensor, Worker } from "../contract";
import { useTopic } from "../feed";
import { bytes, count, plural, shape } from "../format";
import { Act, Await, Bar, Legend, Panel, State, type Part } from "../parts/bits";
import { Table, type Column } from "../parts/table";
import { href } from "../route";

const SHADES = ["--blue", "--orange", "--green", "--purple", "--sky", "--brown"];

function Where({ tensor }: { tensor: Tensor }) {
    const parts = tensor.places.map((place, k) => ({
        label: place.worker === null ? "nowhere" : `worker ${place.worker}`,
        value: place.chunks,
        colour: place.worker === null ? "--grey" : SHADES[k % SHADES.length]!,
    }));
    const shown = parts.reduce((sum, part) => sum + part.value, 0);
    const rest = Math.max(0, tensor.chunks - shown);
    if (tensor.places_left_out > 0 && rest > 0)
        parts.push({ label: plural(tensor.places_left_out, "other worker"), value: rest, colour: "--grey" });
    return <Bar label="Chunks" parts={parts} total={shown + rest} text={(n) => plural(n, "chunk")} />;
}

function Names({ tensor }: { tensor: Tensor }) {
    return (
        <>
            {tensor.names.map((name) => (
                <span class="named" key={name}>
                    <a href={address(`tensors/${encodeURIComponent(name)}/npy`)} download={`${name}.npy`}>
                        {name}
                    </a>{" "}
                    <Act
                        label="Drop"
                        verb="Drop the name"
                        act={() => change(`names/${encodeURIComponent(name)}/drop`)}
                        question={`Forget the name ${name}? Its ${bytes(tensor.bytes)} go if nobody else holds them.`}
                    />
                </span>
            ))}
        </>
    );
}

const COLUMNS: readonly Column<Tensor>[] = [
    { key: "tensor", title: "Tensor", by: (row) => row.tensor, cell: (row) => row.tensor },
    { key: "names", title: "Names", by: (row) => row.names.join(), cell: (row) => <Names tensor={row} /> },
    { key: "shape", title: "Shape", cell: (row) => shape(row.shape) },
    { key: "dtype", title: "Type", by: (row) => row.dtype, spare: true, cell: (row) => row.dtype },
    { key: "bytes", title: "Size", by: (row) => row.bytes, number: true, cell: (row) => bytes(row.bytes) },
    { key: "chunks", title: "Chunks", by: (row) => row.chunks, number: true, cell: (row) => count(row.chunks) },
    { key: "where", title: "Where", cell: (row) => <Where tensor={row} /> },
    {
        key: "lost",
        title: "Lost",
        by: (row) => row.lost,
        cell: (row) =>
            row.lost === 0 ? (
                <span class="soft">none</span>
            ) : (
                <State
                    state={row.recipe ? "warning" : "bad"}
                    words={`${count(row.lost)}, ${row.recipe ? "made again when wanted" : "for good"}`}
                />
            ),
    },
    {
        key: "sessions",
        title: "Held by",
        by: (row) => row.sessions,
        spare: true,
        cell: (row) => plural(row.sessions, "session"),
    },
];

function Totals({ workers }: { workers: readonly Worker[] }) {
    const sum = (value: (worker: Worker) => number) => workers.reduce((total, worker) => total + value(worker), 0);
    const parts: Part[] = [
        { label: "pinned", value: sum((worker) => worker.pinned_bytes), colour: "--blue" },
        { label: "idle chunks", value: sum((worker) => worker.used_bytes - worker.pinned_bytes), colour: "--sky" },
    ];
    const disk = sum((worker) => worker.spilled_bytes);
    const cache = sum((worker) => worker.cache_bytes);
    return (
        <>
            <span class="tall">
                <Bar label="Chunks in memory" parts={parts} total={cache} text={bytes} />
            </span>
            <Legend
                parts={[
                    ...parts,
                    {
                        label: "free",
                        value: Math.max(0, cache - sum((worker) => worker.used_bytes)),
                        colour: "--rise",
                    },
                ]}
                text={bytes}
            />
            <p class="soft">
                {bytes(cache)} in all workers for chunks; {bytes(disk)} more lie on disk alone.
            </p>
        </>
    );
}

function Places({ workers }: { workers: readonly Worker[] }) {
    const columns: readonly Column<Worker>[] = [
        {
            key: "place",
            title: "Worker",
            by: (row) => row.worker,
            cell: (row) => <a href={href(["workers", row.worker])}>{row.name || row.worker}</a>,
        },
        { key: "kept", title: "Chunks", by: (row) => row.chunks, number: true, cell: (row) => count(row.chunks) },
        {
            key: "pinned",
            title: "Pinned",
            by: (row) => row.pinned_bytes,
            number: true,
            cell: (row) => bytes(row.pinned_bytes),
        },
        {
            key: "memory",
            title: "In memory",
            by: (row) => row.used_bytes,
            number: true,
            cell: (row) => bytes(row.used_bytes),
        },
        {
            key: "disk",
            title: "On disk alone",
            by: (row) => row.spilled_bytes,
            number: true,
            cell: (row) => bytes(row.spilled_bytes),
        },
        {
            key: "written",
            title: "Written",
            by: (row) => row.disk_written_bytes,
            number: true,
            spare: true,
            cell: (row) => bytes(row.disk_written_bytes),
        },
        {
            key: "read",
            title: "Read back",
            by: (row) => row.disk_read_bytes,
            number: true,
            spare: true,
            cell: (row) => bytes(row.disk_read_bytes),
        },
    ];
    return (
        <Table
            label="Chunks by worker"
            columns={columns}
            rows={workers}
            id={(row) => row.worker}
            empty="No worker has come yet."
        />
    );
}

export function Storage() {
    const storage = useTopic("storage"),
        workers = useTopic("workers");
    return (
        <>
            <div class="title">
                <h1>Storage</h1>
            </div>
            <Panel title="In all">
                <Await news={workers}>{(list) => <Totals workers={list} />}</Await>
            </Panel>
            <Await news={storage}>
                {(now) => (
                    <Panel
                        title={plural(now.total, "tensor")}
                        aside={`${bytes(now.bytes)}${
                            now.truncated > 0 ? `; the largest ${now.tensors.length} are shown` : ""
                        }`}
                    >
                        <Table
                            label="Tensors"
                            columns={COLUMNS}
                            rows={now.tensors}
                            id={(row) => row.tensor}
                            order="-bytes"
                            empty="Nothing outlives the task that made it."
                        />
                    </Panel>
                )}
            </Await>
            <Panel title="By worker">
                <Await news={workers}>{(list) => <Places workers={list} />}</Await>
            </Panel>
        </>
    );
}
