// SPDX-License-Identifier: Apache-2.0
// The small things that pages are made of. A state is always a shape and a word besides its colour.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { News } from "../feed";

export function Panel({
    title,
    aside,
    children,
    wide,
}: {
    title: string;
    aside?: ComponentChildren;
    children: ComponentChildren;
    wide?: boolean;
}) {
    return (
        <section class={wide ? "panel wide" : "panel"} aria-label={title}>
            <header>
                <h2>{title}</h2>
                {aside && <div class="aside">{aside}</div>}
            </header>
            {children}
        </section>
    );
}

const MARKS: Record<string, [mark: string, kind: string]> = {
    good: ["●", "good"],
    warning: ["▲", "warning"],
    bad: ["■", "bad"],
    works: ["●", "good"],
    draining: ["◐", "warning"],
    empty: ["○", "soft"],
    silent: ["▲", "warning"],
    aside: ["▲", "warning"],
    away: ["■", "bad"],
    here: ["●", "good"],
    running: ["▶", "busy"],
    succeeded: ["✓", "good"],
    failed: ["✕", "bad"],
    canceled: ["–", "soft"],
};

export function State({ state, words = state }: { state: string; words?: string }) {
    const [mark, kind] = MARKS[state] ?? ["○", "soft"];
    return (
        <span class={`state ${kind}`}>
            <span aria-hidden="true">{mark}</span> {words}
        </span>
    );
}

export interface Part {
    readonly label: string;
    readonly value: number;
    readonly colour: string;
}

/** Parts of a whole, side by side. */
export function Bar({
    label,
    parts,
    total,
    text,
}: {
    label: string;
    parts: readonly Part[];
    total: number;
    text: (value: number) => string;
}) {
    const said = parts.map((part) => `${part.label} ${text(part.value)}`).join(", ");
    return (
        <span class="bar" role="img" aria-label={`${label}: ${said}`} title={said}>
            {parts.map((part) => (
                <span
                    key={part.label}
                    style={{
                        width: `${total > 0 ? Math.min(100, (100 * part.value) / total) : 0}%`,
                        background: `var(${part.colour})`,
                    }}
                />
            ))}
        </span>
    );
}

export function Legend({ parts, text }: { parts: readonly Part[]; text: (value: number) => string }) {
    return (
        <ul class="legend">
            {parts.map((part) => (
                <li key={part.label}>
                    <i class="swatch" style={{ background: `var(${part.colour})` }} />
                    {part.label} <b>{text(part.value)}</b>
                </li>
            ))}
        </ul>
    );
}

/** Done in one shade, under way in another. */
export function Progress({
    label,
    done,
    given = 0,
    total,
    state = "running",
}: {
    label: string;
    done: number;
    given?: number;
    total: number;
    state?: string;
}) {
    const part = (n: number) => `${total > 0 ? (100 * n) / total : state === "succeeded" ? 100 : 0}%`;
    return (
        <span
            class={`progress ${state}`}
            role="progressbar"
            aria-label={label}
            aria-valuemin={0}
            aria-valuemax={total}
            aria-valuenow={done}
            aria-valuetext={`${done} of ${total} tasks`}
        >
            <span class="done" style={{ width: part(done) }} />
            <span class="given" style={{ width: part(given) }} />
        </span>
    );
}

export function Facts({ facts }: { facts: readonly (readonly [string, ComponentChildren])[] }) {
    return (
        <dl class="facts">
            {facts.map(([name, value]) => (
                <div key={name}>
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                </div>
            ))}
        </dl>
    );
}

/** What is shown of a topic before it has said anything, and when it cannot be had. */
export function Await<T>({ news, children }: { news: News<T>; children: (data: T) => ComponentChildren }) {
    if (news.data === undefined)
        return (
            <p class="empty" role="status">
                {news.gone ? news.gone.text : "Asking …"}
            </p>
        );
    return (
        <>
            {news.gone && (
                <p class="notice" role="status">
                    As it was last: {news.gone.text}
                </p>
            )}
            {children(news.data)}
        </>
    );
}

/** A button that asks before it does what cannot be undone, and says when it could not be done. */
export function Act({
    label,
    question,
    verb,
    act,
}: {
    label: string;
    question: string;
    verb: string;
    act: () => Promise<void>;
}) {
    const dialog = useRef<HTMLDialogElement>(null);
    const [open, setOpen] = useState(false);
    const [fault, setFault] = useState("");
    const [busy, setBusy] = useState(false);
    useEffect(() => {
        if (open) dialog.current!.showModal();
    }, [open]);
    const go = async () => {
        setBusy(true);
        setFault("");
        try {
            await act();
            dialog.current?.close();
        } catch (error) {
            setFault((error as Error).message);
        }
        setBusy(false);
    };
    return (
        <>
            <button type="button" onClick={() => setOpen(true)} aria-haspopup="dialog">
                {label}
            </button>
            {open && (
                <dialog ref={dialog} onClose={() => setOpen(false)} aria-label={label}>
                    <p>{question}</p>
                    {fault && (
                        <p class="notice bad" role="alert">
                            {fault}
                        </p>
                    )}
                    <div class="buttons">
                        <button type="button" onClick={() => dialog.current!.close()}>
                            Leave it
                        </button>
                        <button type="button" class="grave" disabled={busy} onClick={() => void go()}>
                            {verb}
                        </button>
                    </div>
                </dialog>
            )}
        </>
    );
}
