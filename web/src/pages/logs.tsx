// SPDX-License-Identifier: Apache-2.0
// What daemons have said, by session, task, worker and level. The filters are in the address. A worker's own lines come
// from that worker.
import type { Log } from "../contract";
import { useTopic } from "../feed";
import { plural } from "../format";
import { Await, Panel } from "../parts/bits";
import { LogTable, levelName } from "../parts/log-table";
import { note, route } from "../route";
import { useValue } from "../value";

const FIELDS = ["session", "request", "worker"] as const;
const TITLES = { session: "Session", request: "Task", worker: "Worker" };
const LEVELS = [3, 4, 5, 6, 7];
const USUAL_LEVEL = "6";

function Lines({ log, words }: { log: Log; words: string }) {
    const lines = log.lines.filter((line) => line.text.toLowerCase().includes(words.toLowerCase()));
    return (
        <>
            <div class="scroll" tabIndex={0} role="region" aria-label="Lines">
                <LogTable lines={lines} empty="No line is like that." />
            </div>
            {log.dropped > 0 && (
                <p class="soft">
                    {plural(log.dropped, "older line")} are in the journal only:{" "}
                    <code>journalctl -u mars-scheduler</code>
                </p>
            )}
        </>
    );
}

export function Logs() {
    const { query } = useValue(route);
    const own = query.get("source") === "worker" && query.get("worker");
    const asked = new URLSearchParams({ level: query.get("level") ?? USUAL_LEVEL });
    if (!own) for (const name of FIELDS) if (query.get(name)) asked.set(name, query.get(name)!);
    const news = useTopic(own ? `workers/${Number(own)}/log?${asked}` : `logs?${asked}`);
    return (
        <>
            <div class="title">
                <h1>Logs</h1>
            </div>
            <Panel title={own ? `Worker ${own}` : "Scheduler and web service"} aside="newest first">
                <div class="filters">
                    <label>
                        Level
                        <select
                            value={query.get("level") ?? USUAL_LEVEL}
                            onChange={(event) => note({ level: event.currentTarget.value })}
                        >
                            {LEVELS.map((level) => (
                                <option value={level} key={level}>
                                    {levelName(level)} and worse
                                </option>
                            ))}
                        </select>
                    </label>
                    {FIELDS.map((name) => (
                        <label key={name}>
                            {TITLES[name]}
                            <input
                                type="number"
                                min="0"
                                placeholder="all"
                                value={query.get(name) ?? ""}
                                onChange={(event) => note({ [name]: event.currentTarget.value })}
                            />
                        </label>
                    ))}
                    <label>
                        With words
                        <input
                            type="search"
                            value={query.get("words") ?? ""}
                            onInput={(event) => note({ words: event.currentTarget.value })}
                        />
                    </label>
                    {query.get("worker") && (
                        <label class="check">
                            <input
                                type="checkbox"
                                checked={Boolean(own)}
                                onChange={(event) => note({ source: event.currentTarget.checked ? "worker" : "" })}
                            />
                            what this worker says itself
                        </label>
                    )}
                </div>
                <Await news={news}>{(log) => <Lines log={log} words={query.get("words") ?? ""} />}</Await>
            </Panel>
        </>
    );
}
