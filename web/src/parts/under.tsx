// SPDX-License-Identifier: Apache-2.0
// Tasks under way: how far, how much longer, whose; and the last one that is done when there is none.
import { change } from "../api";
import type { Request } from "../contract";
import { count, duration } from "../format";
import { href } from "../route";
import { Act, Progress, State } from "./bits";

const MOST = 8;

export function who({ name, from }: { name: string; from: string }): string {
    return name && from && name !== from ? `${name} (${from})` : name || from;
}

export function left(request: Request): string {
    if (request.state !== "running") return `took ${duration(request.seconds)}`;
    const rest = request.seconds_left === null ? "" : `, about ${duration(request.seconds_left)} left`;
    return `for ${duration(request.seconds)}${rest}`;
}

export function CancelButton({ request }: { request: Request }) {
    return (
        <Act
            label="Cancel"
            verb="Cancel the task"
            question={
                `Cancel task ${request.request} of ${who(request)}? ` +
                "Its client gets an error, and what it made is lost."
            }
            act={() => change(`requests/${request.request}/cancel`)}
        />
    );
}

function Last({ request }: { request: Request }) {
    return (
        <>
            The last one, <a href={href(["tasks", request.request])}>task {request.request}</a> of {who(request)}:{" "}
            <State state={request.state} />, {left(request)}.
        </>
    );
}

export function Under({ requests }: { requests: readonly Request[] }) {
    const running = requests.filter((request) => request.state === "running");
    if (running.length === 0) {
        const last = requests[0];
        return <p class="empty">No task is under way. {last && <Last request={last} />}</p>;
    }
    return (
        <ul class="under">
            {running.slice(0, MOST).map((request) => (
                <li key={request.request}>
                    <a href={href(["tasks", request.request])}>Task {request.request}</a>
                    <span class="whose soft">{who(request)}</span>
                    <Progress
                        label={`Task ${request.request}`}
                        done={request.tasks_done}
                        given={request.tasks_given}
                        total={request.tasks}
                    />
                    <span class="soft">
                        {count(request.tasks_done)} of {count(request.tasks)}, {left(request)}
                    </span>
                    <CancelButton request={request} />
                </li>
            ))}
            {running.length > MOST && (
                <li>
                    <a href={href(["tasks"])}>and {running.length - MOST} more</a>
                </li>
            )}
        </ul>
    );
}
