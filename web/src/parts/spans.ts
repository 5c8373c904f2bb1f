// SPDX-License-Identifier: Apache-2.0
// What threads did, as far back as the page remembers. Spans of a lane do not overlap and come in order, so a lane is
// an array that one can search; what comes twice is known by its number, for those of a lane count up. A worker that
// was started again counts from 0 again, later.
import type { Lane, Span, Timeline } from "../contract";

/** Seconds that are remembered, and spans of one lane. */
export const KEPT_SECONDS = 900;
const KEPT_SPANS = 50_000;
/** The start of a span may be told so many seconds differently: clocks are set. */
const CLOCK_SECONDS = 0.1;

export const OPERATOR_COLOURS = ["--blue", "--green", "--purple", "--sky", "--navy", "--olive", "--rose"];
export const OTHER_COLOUR = "--grey";

export interface Track {
    readonly lane: Lane;
    readonly spans: Span[];
}

const ORDER: Record<Lane["kind"], number> = { thread: 0, receive: 1, send: 2, read: 3, write: 4 };

function isThere(span: Span, newest: Span | undefined): boolean {
    if (!newest) return false;
    const later = span.start - newest.start;
    if (span.number === undefined || newest.number === undefined || Math.abs(later) > CLOCK_SECONDS)
        return later <= 0;
    return span.number <= newest.number;
}

function keyOf(lane: Lane): string {
    return `${lane.worker} ${lane.kind} ${lane.number}`;
}

/** Of the first span that ends after the time. */
export function firstAfter(spans: readonly Span[], time: number): number {
    let low = 0,
        high = spans.length;
    while (low < high) {
        const middle = (low + high) >> 1;
        const span = spans[middle]!;
        if (span.start + span.seconds > time) high = middle;
        else low = middle + 1;
    }
    return low;
}

export class Spans {
    private readonly byKey = new Map<string, Track>();
    private readonly colours = new Map<string, string>();
    tracks: readonly Track[] = [];
    /** Until when all of it is here; undefined before the first answer. */
    complete: number | undefined;
    dropped = 0;
    workers = 0;
    workersShown = 0;

    /** What is told may have been told before, for the most part. */
    add(news: Timeline): void {
        const targets = new Map<number, Track>();
        let grown = false;
        for (const lane of news.lanes) {
            let track = this.byKey.get(keyOf(lane));
            if (!track) {
                track = { lane, spans: [] };
                this.byKey.set(keyOf(lane), track);
                grown = true;
            }
            targets.set(lane.lane, track);
        }
        for (const span of news.spans) {
            const spans = targets.get(span.lane)?.spans;
            if (!spans || isThere(span, spans.at(-1))) continue;
            spans.push(span);
            if (span.kind === "compute" && !this.colours.has(span.label))
                this.colours.set(span.label, OPERATOR_COLOURS[this.colours.size] ?? OTHER_COLOUR);
        }
        this.complete = news.time;
        this.dropped = news.dropped;
        this.workers = news.workers;
        this.workersShown = news.workers_shown;
        this.forget(news.time - KEPT_SECONDS);
        if (grown)
            this.tracks = [...this.byKey.values()].sort(
                (a, b) =>
                    a.lane.worker - b.lane.worker ||
                    ORDER[a.lane.kind] - ORDER[b.lane.kind] ||
                    a.lane.number - b.lane.number,
            );
    }

    private forget(before: number): void {
        for (const { spans } of this.byKey.values()) {
            const old = Math.max(firstAfter(spans, before), spans.length - KEPT_SPANS);
            if (old > 0) spans.splice(0, old);
        }
    }

    colourOf(label: string): string {
        return this.colours.get(label) ?? OTHER_COLOUR;
    }

    /** How busy threads were: of `bins` equal parts of the time, the share of all threads that computed. */
    busy(from: number, to: number, bins: number): Float64Array {
        const share = new Float64Array(bins);
        const threads = this.tracks.filter((track) => track.lane.kind === "thread");
        const step = (to - from) / bins;
        for (const { spans } of threads)
            for (let k = firstAfter(spans, from); k < spans.length && spans[k]!.start < to; k++) {
                const start = Math.max(from, spans[k]!.start),
                    end = Math.min(to, spans[k]!.start + spans[k]!.seconds);
                for (let bin = Math.floor((start - from) / step); bin < bins && from + bin * step < end; bin++)
                    share[bin]! += Math.min(end, from + (bin + 1) * step) - Math.max(start, from + bin * step);
            }
        return share.map((seconds) => seconds / (step * Math.max(1, threads.length)));
    }

    /** Seconds by kind of work, and by operator where it is computing; longest first. */
    totals(from: number, to: number): { kind: Span["kind"]; label: string; seconds: number; n: number }[] {
        const sums = new Map<string, { kind: Span["kind"]; label: string; seconds: number; n: number }>();
        for (const { spans } of this.tracks)
            for (let k = firstAfter(spans, from); k < spans.length && spans[k]!.start < to; k++) {
                const { kind, label, start, seconds, n } = spans[k]!;
                const key = kind === "compute" ? `compute ${label}` : kind;
                const sum = sums.get(key) ?? { kind, label: kind === "compute" ? label : "", seconds: 0, n: 0 };
                sum.seconds += Math.min(to, start + seconds) - Math.max(from, start);
                sum.n += n;
                sums.set(key, sum);
            }
        return [...sums.values()].sort((a, b) => b.seconds - a.seconds);
    }
}
