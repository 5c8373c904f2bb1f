// SPDX-License-Identifier: Apache-2.0
// One worker: what it computes, what its memory is for, and what it says.
import { change } from "../api";
import type * as contract from "../contract";
import { useTopic } from "../feed";
import { UNITS, bytes, count, duration, percent } from "../format";
import { useAsked } from "../parts/asked";
import { Act, Await, Bar, Facts, Legend, Panel, State, type Part } from "../parts/bits";
import { Chart } from "../parts/chart";
import { ConfigurationTable } from "../parts/configuration";
import { LogTable } from "../parts/log-table";
import { Traffic } from "../parts/traffic";
import { href } from "../route";

function Charts({ worker, history }: { worker: contract.WorkerDetail; history: contract.WorkerHistory }) {
    const time = history.time;
    const limits = [{ label: "room for chunks", value: worker.cache_bytes }];
    if (worker.said)
        limits.push(
            { label: "soft limit", value: worker.soft_limit_bytes },
            { label: "hard limit", value: worker.hard_limit_bytes },
        );
    return (
        <>
            <Chart
                title="Processors busy"
                unit={UNITS.number}
                time={time}
                least={Math.max(1, worker.threads)}
                limits={[{ label: "threads", value: worker.threads }]}
                lines={[
                    { label: "worker", colour: "--blue", values: history.cpu_user },
                    { label: "its kernel time", colour: "--purple", values: history.cpu_system },
                    { label: "whole machine", colour: "--grey", values: history.machine_cpu },
                    { label: "waiting for disk", colour: "--orange", values: history.machine_iowait },
                ]}
            />
            <Chart
                title="Memory"
                unit={UNITS.bytes}
                time={time}
                stacked
                limits={limits}
                lines={[
                    { label: "pinned", colour: "--blue", values: history.pinned_bytes },
                    { label: "idle chunks", colour: "--sky", values: history.idle_bytes },
                    { label: "transfer", colour: "--green", values: history.transfer_bytes },
                    { label: "tasks", colour: "--orange", values: history.scratch_bytes },
                    { label: "heap", colour: "--purple", values: history.heap_bytes },
                ]}
            />
            <Traffic network="Network" history={history} />
            <Chart
                title="Chunks on disk alone"
                unit={UNITS.bytes}
                time={time}
                least={1024}
                lines={[{ label: "spilled", colour: "--brown", values: history.spilled_bytes }]}
            />
            <Chart
                title="Tasks"
                unit={UNITS.number}
                time={time}
                least={4}
                lines={[
                    { label: "running", colour: "--blue", values: history.running },
                    { label: "done per second", colour: "--orange", values: history.tasks },
                ]}
            />
        </>
    );
}

function memoryNow(worker: contract.WorkerDetail): Part[] {
    const chunks = worker.used_bytes - worker.pinned_bytes;
    return [
        { label: "pinned", value: worker.pinned_bytes, colour: "--blue" },
        { label: "idle chunks", value: Math.max(0, chunks), colour: "--sky" },
        { label: "transfer", value: worker.transfer_bytes, colour: "--green" },
        { label: "tasks", value: worker.scratch_bytes, colour: "--orange" },
        { label: "heap", value: worker.heap_bytes, colour: "--purple" },
    ];
}

function Memory({ worker }: { worker: contract.WorkerDetail }) {
    const parts = memoryNow(worker);
    const used = parts.reduce((sum, part) => sum + part.value, 0);
    const free: Part = { label: "free", value: Math.max(0, worker.memory_bytes - used), colour: "--rise" };
    const machine = worker.machine;
    return (
        <>
            <span class="tall">
                <Bar label="Memory" parts={[...parts, free]} total={used + free.value} text={bytes} />
            </span>
            <Legend parts={[...parts, free]} text={bytes} />
            <Facts
                facts={[
                    ["Limit of chunks", bytes(worker.cache_bytes)],
                    ["Spilled beyond", worker.said ? bytes(worker.soft_limit_bytes) : "–"],
                    ["Never beyond", bytes(worker.memory_bytes)],
                    ["Resident", bytes(worker.resident_bytes)],
                    ["Pages", worker.pages],
                    [
                        "Huge pages",
                        machine && machine.huge_pages > 0
                            ? `${count(machine.huge_pages_free)} of ${count(
                                  machine.huge_pages,
                              )} free, ${bytes(machine.huge_page_bytes)} each`
                            : "none reserved",
                    ],
                    [
                        "Machine",
                        machine
                            ? `${bytes(machine.available_bytes)} of ${bytes(machine.memory_bytes)} available`
                            : "–",
                    ],
                ]}
            />
        </>
    );
}

function Running({ tasks }: { tasks: readonly contract.Running[] }) {
    if (tasks.length === 0) return <p class="empty">No thread has a task at this moment.</p>;
    return (
        <table>
            <thead>
                <tr>
                    <th scope="col">Thread</th>
                    <th scope="col">Operators</th>
                    <th scope="col" class="number">
                        Piece
                    </th>
                    <th scope="col" class="number">
                        For
                    </th>
                </tr>
            </thead>
            <tbody>
                {tasks.map((task) => (
                    <tr key={task.thread}>
                        <td>{task.thread}</td>
                        <td class="mono">{task.label}</td>
                        <td class="number">{count(task.task)}</td>
                        <td class="number">{duration(task.seconds)}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

function Disk({ worker, disk }: { worker: contract.WorkerDetail; disk: contract.Disk }) {
    return (
        <>
            <Facts
                facts={[
                    ["Chunks on disk alone", bytes(worker.spilled_bytes)],
                    ["Written so far", `${bytes(worker.disk_written_bytes)}, ${count(disk.spilled)} chunks`],
                    ["Read back so far", `${bytes(worker.disk_read_bytes)}, ${count(disk.returned)} chunks`],
                    ["Way to disk", `${disk.engine}, ${count(disk.queue)} under way`],
                    ["Compression", disk.codec],
                    ["Files", bytes(disk.file_bytes)],
                    ["Buffers", bytes(disk.buffer_bytes)],
                ]}
            />
            {disk.dirs.length > 0 && (
                <table>
                    <thead>
                        <tr>
                            <th scope="col">Directory</th>
                            <th scope="col" class="number">
                                Used
                            </th>
                            <th scope="col" class="number">
                                Free
                            </th>
                            <th scope="col">State</th>
                        </tr>
                    </thead>
                    <tbody>
                        {disk.dirs.map((dir) => (
                            <tr key={dir.path}>
                                <td class="mono">{dir.path}</td>
                                <td class="number">{bytes(dir.used_bytes)}</td>
                                <td class="number">{dir.free_bytes === null ? "–" : bytes(dir.free_bytes)}</td>
                                <td>{dir.state}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            )}
        </>
    );
}

function Peers({ peers }: { peers: readonly contract.Peer[] }) {
    if (peers.length === 0) return <p class="empty">It has exchanged no chunks yet.</p>;
    return (
        <div class="scroll short" tabIndex={0} role="region" aria-label="Peers">
            <table>
                <thead>
                    <tr>
                        <th scope="col">Peer</th>
                        <th scope="col" class="number">
                            Received
                        </th>
                        <th scope="col" class="number">
                            Sent
                        </th>
                        <th scope="col" class="number">
                            Lent now
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {peers.map((peer) => (
                        <tr key={`${peer.worker}${peer.address}`}>
                            <td>
                                {peer.worker === null ? (
                                    peer.name || peer.address
                                ) : (
                                    <a href={href(["workers", peer.worker])}>
                                        {peer.name || `worker ${peer.worker}`}
                                    </a>
                                )}
                            </td>
                            <td class="number">{bytes(peer.received_bytes)}</td>
                            <td class="number">{bytes(peer.sent_bytes)}</td>
                            <td class="number">{bytes(peer.lent_bytes)}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

function Configuration({ worker }: { worker: number }) {
    const news = useAsked<contract.Configuration>(`workers/${worker}/configuration`);
    return <Await news={news}>{(told) => <ConfigurationTable told={told} />}</Await>;
}

function Tail({ worker }: { worker: number }) {
    const news = useTopic(`workers/${worker}/log`);
    return (
        <Await news={news}>
            {(log) => (
                <div class="scroll short" tabIndex={0} role="region" aria-label="Lines">
                    <LogTable lines={log.lines} empty="It has said nothing." />
                </div>
            )}
        </Await>
    );
}

function Title({ worker }: { worker: contract.WorkerDetail }) {
    const post = (verb: string) => () => change(`workers/${worker.worker}/${verb}`);
    const name = worker.name || `worker ${worker.worker}`;
    return (
        <div class="title">
            <h1>
                {name} <State state={worker.state} />
            </h1>
            <div class="buttons">
                {worker.state === "works" && (
                    <Act
                        label="Drain"
                        verb="Drain it"
                        act={post("drain")}
                        question={`Give ${name} no more tasks, and let others take its chunks?`}
                    />
                )}
                {(worker.state === "draining" || worker.state === "empty") && (
                    <Act
                        label="Use again"
                        verb="Use it"
                        act={post("undrain")}
                        question={`Give ${name} tasks again?`}
                    />
                )}
                <Act
                    label="Retire"
                    verb="Retire it"
                    act={post("retire")}
                    question={`Drain ${name} and end it when it is empty?`}
                />
            </div>
        </div>
    );
}

function Detail({ worker }: { worker: contract.WorkerDetail }) {
    const history = useTopic(`workers/${worker.worker}/history`);
    const machine = worker.machine;
    return (
        <>
            <Title worker={worker} />
            {!worker.said && (
                <p class="notice warning" role="status">
                    The worker itself does not answer at this moment: what only it knows is missing here.
                </p>
            )}
            <div class="columns">
                <section class="wide panel charts" aria-label="Over time">
                    <Await news={history}>{(columns) => <Charts worker={worker} history={columns} />}</Await>
                </section>
                <Panel title="Memory now">
                    <Memory worker={worker} />
                </Panel>
                <Panel title="About it">
                    <Facts
                        facts={[
                            ["Address", worker.address],
                            ["Process", worker.process === null ? "–" : String(worker.process)],
                            ["Threads", `${count(worker.running)} of ${count(worker.threads)} busy`],
                            ["Tasks done", count(worker.tasks_done)],
                            ["Chunks", count(worker.chunks)],
                            ["Processor time", duration(worker.cpu_seconds)],
                            [
                                "Machine",
                                machine
                                    ? `${percent((100 * machine.cpu) / Math.max(1, machine.cpus))} of ${
                                          machine.cpus
                                      } processors busy, load ${machine.load.toFixed(2)}`
                                    : "–",
                            ],
                            ["Heard", worker.heard_seconds < 2 ? "now" : `${duration(worker.heard_seconds)} ago`],
                            [
                                "Timeline",
                                <a href={href(["timeline"], { worker: String(worker.worker) })}>its threads</a>,
                            ],
                        ]}
                    />
                </Panel>
                <Panel title="Running now">
                    <Running tasks={worker.tasks} />
                </Panel>
                <Panel title="Disk">
                    {worker.disk ? <Disk worker={worker} disk={worker.disk} /> : <p class="empty">Not known.</p>}
                </Panel>
                <Panel title="Peers">
                    <Peers peers={worker.peers} />
                </Panel>
                <Panel title="Log">
                    <Tail worker={worker.worker} />
                </Panel>
                <Panel title="Configuration in force" wide>
                    <Configuration worker={worker.worker} />
                </Panel>
            </div>
        </>
    );
}

export function WorkerPage({ worker }: { worker: number }) {
    const news = useTopic(`workers/${worker}`);
    return (
        <>
            <p class="crumb">
                <a href={href(["workers"])}>Workers</a> / {worker}
            </p>
            <Await news={news}>{(detail) => <Detail worker={detail} />}</Await>
        </>
    );
}
