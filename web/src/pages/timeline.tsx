// SPDX-License-Identifier: Apache-2.0
// What threads did, and when: one lane for each thread and for each way that chunks go. White is what one looks for.
import { useEffect, useRef, useState } from "preact/hooks";

import { address } from "../api";
import type * as contract from "../contract";
import { useTopic } from "../feed";
import { bytes, clock, count, duration, percent, plural } from "../format";
import { Panel } from "../parts/bits";
import { GUTTER_PIXELS, LANE_PIXELS, Painter, sample, ticks, type Kind, type View } from "../parts/paint";
import { KEPT_SECONDS, Spans, firstAfter, type Track } from "../parts/spans";
import { note, route } from "../route";
import { painted } from "../theme";
import { useValue } from "../value";

const FIRST_SECONDS = 30;
const SHORTEST_SECONDS = 1e-4;
const ZOOM = 1.5;
const PAN = 0.2;
const MOST_TOTALS = 12;
const DEEPEST_PIXELS = 560;

const KINDS: Record<Kind, string> = {
    compute: "compute",
    receive: "receive chunks",
    send: "send chunks",
    read: "read from disk",
    write: "write to disk",
};

/** What comes by the stream is added to what the page remembers. */
function useSpans(worker: string): { spans: Spans; version: number; fault: string } {
    const { data, gone } = useTopic(worker ? `timeline?worker=${worker}` : "timeline");
    const memory = useRef({
        worker,
        spans: new Spans(),
        data: undefined as contract.Timeline | undefined,
        version: 0,
    });
    if (memory.current.worker !== worker)
        memory.current = { worker, spans: new Spans(), data: undefined, version: memory.current.version };
    const mine = memory.current;
    if (data && data !== mine.data) {
        mine.spans.add(data);
        mine.data = data;
        mine.version++;
    }
    return { spans: mine.spans, version: mine.version, fault: gone?.text ?? "" };
}

interface Hover {
    readonly span: contract.Span;
    readonly track: Track;
    readonly x: number;
    readonly y: number;
}

function Tip({ hover: { span, track, x, y }, width }: { hover: Hover; width: number }) {
    const side = x > width / 2 ? { right: `${width - x + 12}px` } : { left: `${x + 12}px` };
    return (
        <div class="tip" style={{ ...side, top: `${y + 14}px` }}>
            <b>{span.kind === "compute" ? span.label : KINDS[span.kind]}</b>
            <div>
                {duration(span.seconds)} from {clock(span.start)}.
                {String(Math.floor((span.start % 1) * 1e3)).padStart(3, "0")}
            </div>
            <div class="soft">
                {track.lane.worker_name || `worker ${track.lane.worker}`},{" "}
                {plural(span.n, span.kind === "compute" ? "piece" : "chunk")}
                {span.bytes > 0 && `, ${bytes(span.bytes)}, ${bytes(span.bytes / Math.max(span.seconds, 1e-9))}/s`}
            </div>
        </div>
    );
}

function Swatch({ kind, name }: { kind: Kind; name: string }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const coat = useValue(painted);
    useEffect(() => sample(canvas.current!, kind, name), [coat, kind, name]);
    return <canvas class="swatch wide" width="26" height="13" ref={canvas} aria-hidden="true" />;
}

function Totals({ spans, view }: { spans: Spans; view: View }) {
    const totals = spans.totals(view.from, view.to);
    const threads = spans.tracks.filter((track) => track.lane.kind === "thread").length;
    const whole = Math.max(1e-9, threads * (view.to - view.from));
    const computed = totals.reduce((sum, total) => sum + (total.kind === "compute" ? total.seconds : 0), 0);
    return (
        <table>
            <thead>
                <tr>
                    <th scope="col">Work</th>
                    <th scope="col" class="number">
                        Time
                    </th>
                    <th scope="col" class="number">
                        Of all threads
                    </th>
                    <th scope="col" class="number">
                        Pieces
                    </th>
                </tr>
            </thead>
            <tbody>
                {totals.slice(0, MOST_TOTALS).map(({ kind, label, seconds, n }) => (
                    <tr key={`${kind}${label}`}>
                        <td>
                            <Swatch kind={kind} name={spans.colourOf(label)} />{" "}
                            {kind === "compute" ? <span class="mono">{label}</span> : KINDS[kind]}
                        </td>
                        <td class="number">{duration(seconds)}</td>
                        <td class="number">{kind === "compute" ? percent((100 * seconds) / whole) : "–"}</td>
                        <td class="number">{count(n)}</td>
                    </tr>
                ))}
                <tr>
                    <td>
                        <i class="swatch wide blank" /> idle
                    </td>
                    <td class="number">{duration(Math.max(0, whole - computed))}</td>
                    <td class="number">{percent(100 * Math.max(0, 1 - computed / whole))}</td>
                    <td class="number">–</td>
                </tr>
            </tbody>
        </table>
    );
}

function Ruler({ view }: { view: View }) {
    const box = useRef<HTMLDivElement>(null);
    const [width, setWidth] = useState(0);
    useEffect(() => {
        const follow = new ResizeObserver(([entry]) => setWidth(entry!.contentRect.width));
        follow.observe(box.current!);
        return () => follow.disconnect();
    }, []);
    const found = width > 0 ? ticks(view, width) : [];
    const step = found.length > 1 ? found[1]! - found[0]! : 1;
    const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
    return (
        <div class="ruler" aria-hidden="true" ref={box}>
            {found.map((at) => (
                <span key={at} style={{ left: `${(100 * (at - view.from)) / (view.to - view.from)}%` }}>
                    {clock(at)}
                    {digits > 0 && (at % 1).toFixed(digits).slice(1)}
                </span>
            ))}
        </div>
    );
}

function Lanes({
    spans,
    version,
    view,
    move,
    plan,
}: {
    spans: Spans;
    version: number;
    view: View;
    move: (view: View) => void;
    plan: number | null;
}) {
    const canvas = useRef<HTMLCanvasElement>(null),
        box = useRef<HTMLDivElement>(null);
    const painter = useRef<Painter | null>(null);
    const [scrolled, setScrolled] = useState(0);
    const [size, setSize] = useState(0);
    const [hover, setHover] = useState<Hover | null>(null);
    const pointers = useRef(new Map<number, number>());
    const coat = useValue(painted);
    const width = canvas.current?.clientWidth ?? 1;

    useEffect(() => {
        painter.current = new Painter(canvas.current!);
        const follow = new ResizeObserver(() => setSize((n) => n + 1));
        follow.observe(canvas.current!);
        return () => follow.disconnect();
    }, []);
    useEffect(() => painter.current!.forget(), [coat]);
    useEffect(
        () => painter.current!.lanes(spans, spans.tracks, scrolled, view, plan),
        [spans, version, view, plan, scrolled, size, coat],
    );

    const timeAt = (x: number) => view.from + ((x - GUTTER_PIXELS) / (width - GUTTER_PIXELS)) * (view.to - view.from);
    const zoom = (factor: number, at: number) =>
        move({ from: at - (at - view.from) * factor, to: at + (view.to - at) * factor });
    const pan = (seconds: number) => move({ from: view.from + seconds, to: view.to + seconds });
    const place = (event: { clientX: number; clientY: number }) => {
        const { left, top } = canvas.current!.getBoundingClientRect();
        return { x: event.clientX - left, y: event.clientY - top };
    };
    useEffect(() => {
        const wheel = (event: WheelEvent) => {
            if (!event.ctrlKey && !event.shiftKey && Math.abs(event.deltaX) < Math.abs(event.deltaY)) return;
            event.preventDefault();
            if (event.ctrlKey) zoom(event.deltaY > 0 ? ZOOM : 1 / ZOOM, timeAt(place(event).x));
            else pan(((event.deltaX || event.deltaY) / width) * (view.to - view.from));
        };
        const element = box.current!;
        element.addEventListener("wheel", wheel, { passive: false });
        return () => element.removeEventListener("wheel", wheel);
    });

    const find = (event: PointerEvent): Hover | null => {
        const { x, y } = place(event);
        const track = spans.tracks[Math.floor((y + scrolled) / LANE_PIXELS)];
        const time = timeAt(x);
        const span = track?.spans[firstAfter(track.spans, time)];
        return track && span && span.start <= time && x >= GUTTER_PIXELS ? { span, track, x, y } : null;
    };
    const moved = (event: PointerEvent) => {
        const at = place(event).x;
        const held = pointers.current.get(event.pointerId);
        if (held === undefined) return setHover(find(event));
        const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
        pointers.current.set(event.pointerId, at);
        if (other === undefined) pan(timeAt(held) - timeAt(at));
        else zoom(Math.abs(held - other) / Math.max(8, Math.abs(at - other)), timeAt((at + other) / 2));
        setHover(null);
    };
    const pressed = (event: KeyboardEvent) => {
        const middle = (view.from + view.to) / 2,
            step = (view.to - view.from) * PAN;
        const act = {
            ArrowLeft: () => pan(-step),
            ArrowRight: () => pan(step),
            "+": () => zoom(1 / ZOOM, middle),
            "=": () => zoom(1 / ZOOM, middle),
            "-": () => zoom(ZOOM, middle),
        }[event.key];
        if (!act || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        act();
    };
    const tall = Math.max(1, spans.tracks.length) * LANE_PIXELS,
        height = Math.min(DEEPEST_PIXELS, tall);
    return (
        <div
            class="lanes"
            ref={box}
            tabIndex={0}
            role="region"
            onKeyDown={pressed}
            onScroll={() => setScrolled(box.current!.scrollTop)}
            style={{ height: `${height}px` }}
            aria-label="Lanes. Arrow keys move in time, plus and minus zoom; the table below has the sums."
        >
            <canvas
                ref={canvas}
                onPointerMove={moved}
                onPointerLeave={() => setHover(null)}
                onPointerDown={(event) => {
                    canvas.current!.setPointerCapture(event.pointerId);
                    pointers.current.set(event.pointerId, place(event).x);
                }}
                onPointerUp={(event) => void pointers.current.delete(event.pointerId)}
                onPointerCancel={(event) => void pointers.current.delete(event.pointerId)}
                onDblClick={(event) => zoom(1 / (ZOOM * ZOOM), timeAt(place(event).x))}
            />
            <div style={{ height: `${tall}px`, marginTop: `${-height}px` }} />
            {hover && <Tip hover={{ ...hover, y: hover.y + scrolled }} width={width} />}
        </div>
    );
}

function Strip({
    spans,
    version,
    all,
    view,
    move,
}: {
    spans: Spans;
    version: number;
    all: View;
    view: View;
    move: (view: View) => void;
}) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const painter = useRef<Painter | null>(null);
    const coat = useValue(painted);
    useEffect(() => {
        painter.current ??= new Painter(canvas.current!);
        painter.current.strip(spans, all, view);
    }, [spans, version, all.from, view, coat]);
    const centre = (event: PointerEvent) => {
        if (event.buttons === 0) return;
        const { left, width } = canvas.current!.getBoundingClientRect();
        const at = all.from + ((event.clientX - left) / width) * (all.to - all.from),
            half = (view.to - view.from) / 2;
        move({ from: at - half, to: at + half });
    };
    return <canvas class="strip" ref={canvas} onPointerDown={centre} onPointerMove={centre} aria-hidden="true" />;
}

function Body({ spans, version, plan }: { spans: Spans; version: number; plan: number | null }) {
    const end = spans.complete!;
    const [held, setHeld] = useState<View | null>(null);
    const [length, setLength] = useState(FIRST_SECONDS);
    const view = held ?? { from: end - length, to: end };
    const all = { from: end - KEPT_SECONDS, to: end };
    /** At the right edge the view goes on with time. */
    const move = ({ from, to }: View) => {
        const seconds = Math.min(KEPT_SECONDS, Math.max(SHORTEST_SECONDS, to - from));
        const right = Math.max(all.from + seconds, to);
        setLength(seconds);
        setHeld(right >= end ? null : { from: right - seconds, to: right });
    };
    const zoom = (factor: number) => {
        const right = held ? (view.from + view.to + (view.to - view.from) * factor) / 2 : end;
        move({ from: right - (view.to - view.from) * factor, to: right });
    };
    return (
        <>
            <div class="filters">
                <div class="group" role="group" aria-label="Zoom">
                    <button type="button" onClick={() => zoom(1 / ZOOM)}>
                        Closer
                    </button>
                    <button type="button" onClick={() => zoom(ZOOM)}>
                        Wider
                    </button>
                    <button type="button" onClick={() => move(all)}>
                        All
                    </button>
                    <button
                        type="button"
                        aria-pressed={held === null}
                        onClick={() => setHeld(held ? null : { ...view })}
                    >
                        {held ? "Follow" : "Hold"}
                    </button>
                </div>
                <span class="soft span">
                    {clock(view.from)} to {clock(view.to)}, {duration(view.to - view.from)}
                </span>
            </div>
            <Strip spans={spans} version={version} all={all} view={view} move={move} />
            <Ruler view={view} />
            <Lanes spans={spans} version={version} view={view} move={move} plan={plan} />
            <h3 class="below">In view</h3>
            <Totals spans={spans} view={view} />
        </>
    );
}

export function Timeline() {
    const { query } = useValue(route);
    const asked = query.get("worker") ?? "",
        worker = /^\d+$/.test(asked) ? asked : "",
        plan = query.get("plan") ?? "";
    const { spans, version, fault } = useSpans(worker);
    const lanes = spans.tracks.length;
    return (
        <>
            <div class="title">
                <h1>Timeline</h1>
                <a
                    class="button"
                    download="mars-trace.json"
                    href={address(`timeline/trace${worker && `?worker=${encodeURIComponent(worker)}`}`)}
                >
                    Export for Perfetto
                </a>
            </div>
            <Panel
                title={worker ? `Threads of worker ${worker}` : "Threads of all workers"}
                aside={
                    <>
                        {worker && (
                            <button type="button" class="quiet" onClick={() => note({ worker: "" })}>
                                All workers
                            </button>
                        )}
                        {plan && (
                            <button type="button" class="quiet" onClick={() => note({ plan: "" })}>
                                All plans
                            </button>
                        )}
                    </>
                }
            >
                {fault && (
                    <p class="notice warning" role="status">
                        {fault}
                    </p>
                )}
                {spans.complete === undefined ? (
                    !fault && (
                        <p class="empty" role="status">
                            Asking …
                        </p>
                    )
                ) : lanes === 0 ? (
                    <p class="empty">No thread has done anything yet.</p>
                ) : (
                    <Body spans={spans} version={version} plan={plan ? Number(plan) : null} />
                )}
                {spans.workersShown < spans.workers && (
                    <p class="soft">
                        {count(spans.workersShown)} of {plural(spans.workers, "worker")} are shown: choose one on its
                        page.
                    </p>
                )}
                {spans.dropped > 0 && <p class="soft">{plural(spans.dropped, "span")} went by unseen.</p>}
            </Panel>
        </>
    );
}
