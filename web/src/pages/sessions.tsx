// SPDX-License-Identifier: Apache-2.0
// Who is connected, since when they are away, what they hold.
import { change } from "../api";
import type { Session } from "../contract";
import { useTopic } from "../feed";
import { bytes, count, duration, user } from "../format";
import { Act, Await, Panel, State } from "../parts/bits";
import { Table, type Column } from "../parts/table";
import { who } from "../parts/under";
import { href } from "../route";

const COLUMNS: readonly Column<Session>[] = [
    {
        key: "session",
        title: "Session",
        by: (row) => row.session,
        cell: (row) => <a href={href(["tasks"], { session: String(row.session) })}>{row.session}</a>,
    },
    { key: "who", title: "Client", by: who, cell: who },
    {
        key: "user",
        title: "User",
        by: (row) => user(row.user),
        spare: true,
        cell: (row) => user(row.user),
    },
    {
        key: "state",
        title: "State",
        by: (row) => row.state,
        cell: (row) => (
            <State
                state={row.state}
                words={row.away_seconds === null ? row.state : `away for ${duration(row.away_seconds)}`}
            />
        ),
    },
    { key: "running", title: "Under way", by: (row) => row.running, number: true, cell: (row) => count(row.running) },
    {
        key: "finished",
        title: "Done",
        by: (row) => row.finished,
        number: true,
        spare: true,
        cell: (row) => count(row.finished),
    },
    { key: "tensors", title: "Tensors", by: (row) => row.tensors, number: true, cell: (row) => count(row.tensors) },
    {
        key: "result",
        title: "Results",
        by: (row) => row.result_bytes ?? Infinity,
        number: true,
        cell: (row) => (row.result_bytes === null ? "many" : bytes(row.result_bytes)),
    },
    {
        key: "do",
        title: "Actions",
        cell: (row) => (
            <Act
                label="End"
                verb="End the session"
                act={() => change(`sessions/${row.session}/end`)}
                question={`End session ${row.session} of ${who(row)}? Its tasks are canceled and its results are lost.`}
            />
        ),
    },
];

export function Sessions() {
    const sessions = useTopic("sessions");
    return (
        <>
            <div class="title">
                <h1>Sessions</h1>
            </div>
            <Panel title="Clients" aside="a session's number shows its tasks">
                <Await news={sessions}>
                    {(list) => (
                        <Table
                            label="Sessions"
                            columns={COLUMNS}
                            rows={list}
                            id={(row) => row.session}
                            empty="Nobody is connected."
                        />
                    )}
                </Await>
            </Panel>
        </>
    );
}
