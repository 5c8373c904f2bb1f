// SPDX-License-Identifier: Apache-2.0
// One task: how far each of its operators is, what it waits for, and why it has failed.
import type * as contract from "../contract";
import { useTopic } from "../feed";
import { bytes, count, duration, moment, percent, plural, user } from "../format";
import { operatorsInOne } from "../parts/alike";
import { Await, Facts, Panel, Progress, State } from "../parts/bits";
import { CancelButton, left, who } from "../parts/under";
import { href } from "../route";

function waitsFor(why: contract.Why): string {
    const where = why.worker === null ? "a worker" : `worker ${why.worker}`;
    const busy = !why.running ? "" : `, which runs ${plural(why.running, "piece")}`;
    const ahead = why.requests_ahead === 0 ? "" : `; ${plural(why.requests_ahead, "task")} before it`;
    return {
        given: `${where} has ${why.task}${busy}`,
        full: `${why.task} waits until a worker has room${ahead}`,
        "no workers": `${why.task} waits for a worker: there is none`,
        ending: `it is being ended; ${where} still has ${why.task}`,
        lost: `${why.task} is made again: what it needs was lost`,
    }[why.reason];
}

function Operators({ request }: { request: contract.RequestDetail }) {
    if (request.operators.length === 0)
        return (
            <p class="empty">
                {request.state === "running" ? "It is being planned." : "The plan is gone with its end."}
            </p>
        );
    return (
        <div class="scroll operators" tabIndex={0} role="region" aria-label="Operators">
            <table>
                <thead>
                    <tr>
                        <th scope="col">Operators</th>
                        <th scope="col">Progress</th>
                        <th scope="col" class="number">
                            Done
                        </th>
                        <th scope="col" class="number">
                            Pieces
                        </th>
                        <th scope="col" class="number spare">
                            Made
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {operatorsInOne(request.operators).map((operator) => (
                        <tr key={operator.node}>
                            <td class="mono">{operator.label}</td>
                            <td>
                                <Progress
                                    label={operator.label}
                                    done={operator.done}
                                    given={operator.given}
                                    total={operator.tasks}
                                    state={operator.done === operator.tasks ? "succeeded" : request.state}
                                />
                            </td>
                            <td class="number">{percent((100 * operator.done) / Math.max(1, operator.tasks))}</td>
                            <td class="number">
                                {count(operator.done)} / {count(operator.tasks)}
                            </td>
                            <td class="number spare">
                                {bytes(operator.bytes_done)} of {bytes(operator.bytes)}
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
            {request.truncated > 0 && <p class="soft">{plural(request.truncated, "operator")} more are not shown.</p>}
        </div>
    );
}

function Detail({ request }: { request: contract.RequestDetail }) {
    const running = request.state === "running";
    return (
        <>
            <div class="title">
                <h1>
                    Task {request.request} <State state={request.state} />
                </h1>
                <div class="buttons">
                    {running && (
                        <a class="button" href={href(["tasks", request.request, "graph"])}>
                            Graph
                        </a>
                    )}
                    {running && request.plan !== null && (
                        <a class="button" href={href(["timeline"], { plan: String(request.plan) })}>
                            Timeline
                        </a>
                    )}
                    {running && <CancelButton request={request} />}
                </div>
            </div>
            {request.error !== null && (
                <p class="notice bad error" role="alert">
                    {request.error}
                </p>
            )}
            <div class="columns">
                <Panel title="Progress" wide aside={left(request)}>
                    <div class="whole">
                        <Progress
                            label="The whole task"
                            done={request.tasks_done}
                            given={request.tasks_given}
                            total={request.tasks}
                            state={request.state}
                        />
                        <b>{percent((100 * request.tasks_done) / Math.max(1, request.tasks))}</b>
                    </div>
                    <ul class="legend">
                        <li>
                            <i
                                class={`swatch ${running ? "" : request.state}`}
                                style={{ background: "var(--blue)" }}
                            />
                            done <b>{count(request.tasks_done)}</b>
                        </li>
                        <li>
                            <i class="swatch given" />
                            at workers <b>{count(request.tasks_given)}</b>
                        </li>
                        <li>
                            of <b>{count(request.tasks)}</b> {running && "known so far"}
                        </li>
                    </ul>
                    {request.why && <p class="soft now">Now: {waitsFor(request.why)}.</p>}
                </Panel>
                <Panel title="Operators" wide aside="in the order of the plan">
                    <Operators request={request} />
                </Panel>
                <Panel title="About it">
                    <Facts
                        facts={[
                            ["Submitted by", who(request)],
                            ["User", user(request.user)],
                            [
                                "Session",
                                request.session === null ? (
                                    "has ended"
                                ) : (
                                    <a href={href(["tasks"], { session: String(request.session) })}>
                                        {request.session}
                                    </a>
                                ),
                            ],
                            ["Started", moment(request.started)],
                            ["Finished", request.finished === null ? "–" : moment(request.finished)],
                            ["Time", duration(request.seconds)],
                            ["Result", request.result_bytes === null ? "–" : bytes(request.result_bytes)],
                            [
                                "Logs",
                                <a href={href(["logs"], { request: String(request.request) })}>lines about it</a>,
                            ],
                        ]}
                    />
                </Panel>
            </div>
        </>
    );
}

export function RequestPage({ request }: { request: number }) {
    const news = useTopic(`requests/${request}`);
    return (
        <>
            <p class="crumb">
                <a href={href(["tasks"])}>Tasks</a> / {request}
            </p>
            <Await news={news}>{(detail) => <Detail request={detail} />}</Await>
        </>
    );
}
