// SPDX-License-Identifier: Apache-2.0
// All tasks: those under way and the last ones that are done. People call a request a task, as the original's pages
// did.
import type { Request } from "../contract";
import { useTopic } from "../feed";
import { bytes, count, duration, moment } from "../format";
import { Await, Panel, Progress, State } from "../parts/bits";
import { Table, type Column } from "../parts/table";
import { CancelButton, who } from "../parts/under";
import { href, note, route } from "../route";
import { useValue } from "../value";

const COLUMNS: readonly Column<Request>[] = [
    {
        key: "task",
        title: "Task",
        by: (row) => row.request,
        cell: (row) => <a href={href(["tasks", row.request])}>Task {row.request}</a>,
    },
    { key: "state", title: "State", by: (row) => row.state, cell: (row) => <State state={row.state} /> },
    {
        key: "progress",
        title: "Progress",
        by: (row) => row.tasks_done / Math.max(1, row.tasks),
        cell: (row) => (
            <Progress
                label={`Task ${row.request}`}
                done={row.tasks_done}
                given={row.tasks_given}
                total={row.tasks}
                state={row.state}
            />
        ),
    },
    {
        key: "pieces",
        title: "Pieces",
        by: (row) => row.tasks,
        number: true,
        spare: true,
        cell: (row) => `${count(row.tasks_done)} / ${count(row.tasks)}`,
    },
    { key: "who", title: "Submitted by", by: who, cell: who },
    { key: "started", title: "Started", by: (row) => row.started, spare: true, cell: (row) => moment(row.started) },
    { key: "seconds", title: "Time", by: (row) => row.seconds, number: true, cell: (row) => duration(row.seconds) },
    {
        key: "left",
        title: "Left",
        by: (row) => row.seconds_left ?? -1,
        number: true,
        cell: (row) => (row.seconds_left === null || row.state !== "running" ? "–" : duration(row.seconds_left)),
    },
    {
        key: "result",
        title: "Result",
        by: (row) => row.result_bytes ?? -1,
        number: true,
        spare: true,
        cell: (row) => (row.result_bytes === null ? "–" : bytes(row.result_bytes)),
    },
    { key: "do", title: "Actions", cell: (row) => row.state === "running" && <CancelButton request={row} /> },
];

export function Requests() {
    const requests = useTopic("requests");
    const session = useValue(route).query.get("session") ?? "";
    return (
        <>
            <div class="title">
                <h1>Tasks</h1>
            </div>
            <Panel
                title={session ? `Tasks of session ${session}` : "Under way and done"}
                aside={
                    session ? (
                        <button type="button" class="quiet" onClick={() => note({ session: "" })}>
                            All sessions
                        </button>
                    ) : (
                        "newest first"
                    )
                }
            >
                <Await news={requests}>
                    {(list) => (
                        <Table
                            label="Tasks"
                            columns={COLUMNS}
                            id={(row) => row.request}
                            empty="Nothing has been asked for yet."
                            rows={session ? list.filter((row) => String(row.session) === session) : list}
                        />
                    )}
                </Await>
            </Panel>
        </>
    );
}
