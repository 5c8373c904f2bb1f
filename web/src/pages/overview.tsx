// SPDX-License-Identifier: Apache-2.0
// The cluster on one screen: is it well, what is it doing, how much room is left.
import type * as contract from "../contract";
import { Await, Bar, Panel, State } from "../parts/bits";
import { Chart } from "../parts/chart";
import { LogTable } from "../parts/log-table";
import { Traffic } from "../parts/traffic";
import { Under } from "../parts/under";
import { useTopic } from "../feed";
import { UNITS, bytes, count, duration, plural, rate } from "../format";
import { memoryParts, memoryWhole } from "../parts/memory";
import { href } from "../route";

/** Of more workers than this, only those are here that have the least room. */
const MOST_WORKERS = 60;
const FULLEST = 12;

function sentence(now: contract.Overview): string {
    const idle = now.requests === 0 ? "nothing to do" : `${plural(now.requests, "task")} under way`;
    return now.workers === 0 ? `No workers, ${idle}` : `${plural(now.workers, "worker")}, ${idle}`;
}

function Figures({ now, history }: { now: contract.Overview; history: contract.OverviewHistory | undefined }) {
    const last = (column: keyof contract.OverviewHistory) =>
        (history?.[column] as number[] | undefined)?.at(-1) ?? null;
    const cpu = last("cpu"),
        received = last("received_bytes"),
        written = last("disk_written_bytes");
    const tasks = last("tasks");
    const away = now.workers_away > 0 ? <State state="bad" words={`${now.workers_away} lost`} /> : "none lost";
    return (
        <dl class="figures">
            <div>
                <dt>Workers</dt>
                <dd>
                    {count(now.workers)}
                    <small>
                        {away}
                        {now.workers_draining > 0 && `, ${now.workers_draining} draining`}
                    </small>
                </dd>
            </div>
            <div>
                <dt>Processors busy</dt>
                <dd>
                    {cpu === null ? "–" : UNITS.number.text(cpu)}
                    <small>of {plural(now.threads, "thread")}</small>
                </dd>
            </div>
            <div>
                <dt>Chunks in memory</dt>
                <dd>
                    {bytes(now.used_bytes)}
                    <small>of {bytes(now.cache_bytes)}</small>
                </dd>
            </div>
            <div>
                <dt>On disk</dt>
                <dd>
                    {bytes(now.spilled_bytes)}
                    <small>writing {written === null ? "–" : rate(written)}</small>
                </dd>
            </div>
            <div>
                <dt>Network</dt>
                <dd>
                    {received === null ? "–" : rate(received)}
                    <small>{bytes(now.received_bytes)} so far</small>
                </dd>
            </div>
            <div>
                <dt>Tasks running</dt>
                <dd>
                    {count(now.running)}
                    <small>
                        {count(now.tasks_waiting)} waiting{tasks !== null && `, ${count(tasks)}/s`}
                    </small>
                </dd>
            </div>
            <div>
                <dt>Sessions</dt>
                <dd>
                    {count(now.sessions)}
                    <small>{plural(now.tensors, "tensor")}</small>
                </dd>
            </div>
        </dl>
    );
}

export function ClusterCharts({ history, now }: { history: contract.OverviewHistory; now: contract.Overview }) {
    const time = history.time;
    const idle = history.used_bytes.map((used, k) =>
        used === null ? null : Math.max(0, used - (history.pinned_bytes[k] ?? 0)),
    );
    return (
        <>
            <Chart
                title="Processors busy"
                unit={UNITS.number}
                time={time}
                least={Math.max(1, now.threads)}
                limits={[{ label: "threads", value: now.threads }]}
                lines={[
                    { label: "busy", colour: "--blue", values: history.cpu },
                    { label: "tasks running", colour: "--orange", values: history.running },
                ]}
            />
            <Chart
                title="Memory"
                unit={UNITS.bytes}
                time={time}
                stacked
                limits={[
                    { label: "room for chunks", value: now.cache_bytes },
                    { label: "limit", value: now.memory_bytes },
                ]}
                lines={[
                    { label: "pinned", colour: "--blue", values: history.pinned_bytes },
                    { label: "idle chunks", colour: "--sky", values: idle },
                    { label: "tasks", colour: "--orange", values: history.scratch_bytes },
                ]}
            />
            <Traffic network="Between workers" history={history} />
        </>
    );
}

function Bars({ workers }: { workers: readonly contract.Worker[] }) {
    const most = Math.max(1, ...workers.map(memoryWhole));
    return (
        <ul class="bars">
            {workers.map((worker) => (
                <li key={worker.worker}>
                    <a href={href(["workers", worker.worker])}>{worker.name}</a>
                    <Bar label={`Memory of ${worker.name}`} parts={memoryParts(worker)} total={most} text={bytes} />
                    <State
                        state={worker.state}
                        words={worker.state === "works" ? `${worker.running} running` : worker.state}
                    />
                </li>
            ))}
        </ul>
    );
}

function fullest(workers: readonly contract.Worker[]): readonly contract.Worker[] {
    const share = (worker: contract.Worker) =>
        (worker.used_bytes + worker.scratch_bytes) / Math.max(1, memoryWhole(worker));
    return [...workers].sort((a, b) => share(b) - share(a) || a.worker - b.worker).slice(0, FULLEST);
}

function WorkerBars() {
    const workers = useTopic("workers");
    return (
        <Await news={workers}>
            {(list) =>
                list.length > MOST_WORKERS ? (
                    <>
                        <Bars workers={fullest(list)} />
                        <p class="soft">
                            The {FULLEST} fullest of {plural(list.length, "worker")}.
                        </p>
                    </>
                ) : list.length > 0 ? (
                    <Bars workers={list} />
                ) : (
                    <p class="empty">
                        No worker has come yet. Start one with <code>mars-worker</code>.
                    </p>
                )
            }
        </Await>
    );
}

export function Overview() {
    const overview = useTopic("overview"),
        history = useTopic("history"),
        requests = useTopic("requests");
    return (
        <Await news={overview}>
            {(now) => (
                <>
                    <div class="title">
                        <h1>{sentence(now)}</h1>
                        <span class="soft">
                            scheduler {now.version}, running for {duration(now.seconds)}
                        </span>
                    </div>
                    <ul class="checks">
                        {now.checks.map((check) => (
                            <li key={check.name}>
                                <State state={check.status} words={check.text} />
                            </li>
                        ))}
                    </ul>
                    <Figures now={now} history={history.data} />
                    <div class="columns">
                        <Panel title="Under way" wide aside={<a href={href(["tasks"])}>All tasks</a>}>
                            <Await news={requests}>{(list) => <Under requests={list} />}</Await>
                        </Panel>
                        {history.data && (
                            <div class="wide panel charts">
                                <ClusterCharts history={history.data} now={now} />
                            </div>
                        )}
                        <Panel title="Memory of workers" aside={<a href={href(["workers"])}>All workers</a>}>
                            <WorkerBars />
                        </Panel>
                        <Panel title="Last warnings and errors" aside={<a href={href(["logs"])}>All logs</a>}>
                            <LogTable lines={now.errors} empty="None." />
                        </Panel>
                    </div>
                </>
            )}
        </Await>
    );
}
