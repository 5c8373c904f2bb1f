// SPDX-License-Identifier: Apache-2.0
// What is happening, as it happens. All parts of a page share one EventSource: it carries the topics that somebody
// on the page uses, and is opened anew when these change; of each there is the whole first, and then what changes.
// Nobody listens while the page is hidden.
//
// What a topic said last is kept, so that a page that one comes back to is not empty.
import { useEffect } from "preact/hooks";

import { Refusal, address, get, signedOut } from "./api";
import { apply } from "./change";
import type * as contract from "./contract";
import { Value, useValue } from "./value";

export interface Topics {
    overview: contract.Overview;
    history: contract.OverviewHistory;
    sessions: contract.Session[];
    requests: contract.Request[];
    workers: contract.Worker[];
    storage: contract.Storage;
    [logs: `logs?${string}`]: contract.Log;
    [timeline: `timeline${string}`]: contract.Timeline;
    [request: `requests/${number}`]: contract.RequestDetail;
    [graph: `requests/${number}/graph`]: contract.Graph;
    [worker: `workers/${number}`]: contract.WorkerDetail;
    [history: `workers/${number}/history`]: contract.WorkerHistory;
    [log: `workers/${number}/log${string}`]: contract.Log;
}

export interface News<T> {
    readonly data?: T;
    /** When it came, in milliseconds of performance.now(). */
    readonly at?: number;
    readonly gone?: { readonly status: number; readonly text: string };
}

type Connection =
    { readonly state: "connecting" | "live" | "paused" } | { readonly state: "lost"; readonly why: string };

const AGAIN_MS = 2000;
const HIDDEN_MS = 10_000;
const KEPT_TOPICS = 64;

export const connection = new Value<Connection>({ state: "connecting" });

const news = new Map<string, Value<News<unknown>>>();
const users = new Map<string, number>();
let source: EventSource | null = null;
let carried = "";
let planned: ReturnType<typeof setTimeout> | undefined;

function topic(name: string): Value<News<unknown>> {
    let value = news.get(name);
    if (!value) {
        for (const old of news.keys()) {
            if (news.size < KEPT_TOPICS) break;
            if (!users.has(old)) news.delete(old);
        }
        value = new Value<News<unknown>>({});
        news.set(name, value);
    }
    return value;
}

function close(): void {
    source?.close();
    source = null;
    carried = "";
}

/** An EventSource does not say why it failed; an ordinary question does. A stream that merely ended is begun anew. */
async function failed(): Promise<void> {
    close();
    connection.set({ state: "connecting" });
    const why = await get("overview").then(
        () => "",
        (refusal: Refusal) => (refusal.status === 401 ? "Not signed in." : refusal.message),
    );
    if (source || signedOut.get()) return;
    if (why) connection.set({ state: "lost", why });
    plan(AGAIN_MS);
}

function open(): void {
    const wanted = [...users.keys()].sort();
    const names = wanted.join(",");
    if (names === carried || signedOut.get()) return;
    close();
    if (document.hidden || names === "") return;
    carried = names;
    const mine = new EventSource(address(`events?changes=1&topics=${encodeURIComponent(names)}`));
    source = mine;
    mine.onopen = () => connection.set({ state: "live" });
    mine.onerror = () => {
        if (source === mine) void failed();
    };
    for (const name of wanted)
        mine.addEventListener(name, (event: MessageEvent<string>) =>
            topic(name).set({ data: JSON.parse(event.data), at: performance.now() }),
        );
    mine.addEventListener("changes", (event: MessageEvent<string>) => {
        const said = JSON.parse(event.data) as contract.ChangeEvent;
        const value = topic(said.topic);
        value.set({ data: apply(value.get().data, said.change), at: performance.now() });
    });
    mine.addEventListener("gone", (event: MessageEvent<string>) => {
        const said = JSON.parse(event.data) as { topic: string; status: number; text: string };
        const value = topic(said.topic);
        value.set({ ...value.get(), gone: said });
    });
}

function plan(milliseconds: number): void {
    clearTimeout(planned);
    planned = setTimeout(open, milliseconds);
}

document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return plan(0);
    clearTimeout(planned);
    planned = setTimeout(() => {
        close();
        connection.set({ state: "paused" });
    }, HIDDEN_MS);
});
signedOut.watch(() => {
    if (signedOut.get()) close();
    else plan(0);
});

export function useTopic<K extends keyof Topics>(name: K): News<Topics[K]> {
    useEffect(() => {
        users.set(name, (users.get(name) ?? 0) + 1);
        plan(0);
        return () => {
            const left = (users.get(name) ?? 1) - 1;
            if (left > 0) users.set(name, left);
            else users.delete(name);
            plan(0);
        };
    }, [name]);
    return useValue(topic(name)) as News<Topics[K]>;
}
