// SPDX-License-Identifier: Apache-2.0
// Paints lanes. Operators have colours; what is not computing has a pattern, too, so that one need not see colours:
// strokes that rise receive, strokes that fall send, upright ones write, level ones read. White is idle.
//
// Spans narrower than a pixel are not painted one by one: a column has the colour of the longest of them, and is as
// strong as it was busy.
import type { Span } from "../contract";
import { colour } from "../theme";
import { fontOf } from "./chart";
import { firstAfter, type Spans, type Track } from "./spans";

export const LANE_PIXELS = 20;
export const GUTTER_PIXELS = 132;
const INSET = 3;
const FAINTEST = 0.3;
const LABEL_PIXELS = 46;
const TICK_PIXELS = 90;
const OTHER_PLAN = 0.18;

export interface View {
    readonly from: number;
    readonly to: number;
}

export type Kind = Span["kind"];
type Ink = string | CanvasPattern;

const STROKES: Record<Exclude<Kind, "compute">, [colour: string, line: [number, number, number, number]]> = {
    receive: ["--orange", [0, 8, 8, 0]],
    send: ["--orange", [0, 0, 8, 8]],
    read: ["--brown", [0, 4, 8, 4]],
    write: ["--brown", [4, 0, 4, 8]],
};

/** A tile of eight by eight pixels. */
function pattern(context: CanvasRenderingContext2D, kind: Exclude<Kind, "compute">): CanvasPattern {
    const [name, [x0, y0, x1, y1]] = STROKES[kind];
    const tile = document.createElement("canvas");
    tile.width = tile.height = 8;
    const pen = tile.getContext("2d")!;
    pen.globalAlpha = 0.35;
    pen.fillStyle = pen.strokeStyle = colour(name);
    pen.fillRect(0, 0, 8, 8);
    pen.globalAlpha = 1;
    pen.lineWidth = 2.5;
    pen.beginPath();
    for (const shift of [-8, 0, 8]) {
        const slanted = x0 !== x1 && y0 !== y1 ? shift : 0;
        pen.moveTo(x0 + slanted, y0);
        pen.lineTo(x1 + slanted, y1);
    }
    pen.stroke();
    return context.createPattern(tile, "repeat")!;
}

/** What a kind looks like, for legends. */
export function sample(canvas: HTMLCanvasElement, kind: Kind, name: string): void {
    const pen = canvas.getContext("2d")!;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = kind === "compute" ? colour(name) : pattern(pen, kind);
    pen.fillRect(0, 0, canvas.width, canvas.height);
}

export class Painter {
    private readonly pen: CanvasRenderingContext2D;
    private readonly inks = new Map<string, Ink>();

    constructor(private readonly canvas: HTMLCanvasElement) {
        this.pen = canvas.getContext("2d")!;
    }

    /** Colours have changed. */
    forget(): void {
        this.inks.clear();
    }

    private ink(spans: Spans, span: Span): Ink {
        const name = span.kind === "compute" ? spans.colourOf(span.label) : span.kind;
        let ink = this.inks.get(name);
        if (!ink) {
            ink = span.kind === "compute" ? colour(name) : pattern(this.pen, span.kind);
            this.inks.set(name, ink);
        }
        return ink;
    }

    private begin(): { width: number; height: number } {
        const { clientWidth: width, clientHeight: height } = this.canvas;
        const scale = devicePixelRatio;
        if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(height * scale)) {
            this.canvas.width = Math.round(width * scale);
            this.canvas.height = Math.round(height * scale);
        }
        this.pen.setTransform(scale, 0, 0, scale, 0, 0);
        this.pen.clearRect(0, 0, width, height);
        return { width, height };
    }

    private name(track: Track, y: number): void {
        const { kind, number, worker, worker_name } = track.lane;
        this.pen.textAlign = "left";
        this.pen.textBaseline = "middle";
        this.pen.font = fontOf(11.5);
        this.pen.fillStyle = colour("--ink-soft");
        const what = kind === "thread" ? `thread ${number}` : kind;
        this.pen.fillText(
            `${(worker_name || `worker ${worker}`).slice(0, 12)} · ${what}`,
            2,
            y + LANE_PIXELS / 2,
            GUTTER_PIXELS - 8,
        );
    }

    private lane(spans: Spans, track: Track, y: number, width: number, view: View, plan: number | null): void {
        const pen = this.pen;
        const scale = (width - GUTTER_PIXELS) / (view.to - view.from);
        const top = y + INSET,
            height = LANE_PIXELS - 2 * INSET + 1;
        let column = -1,
            share = 0,
            longest: Span | null = null;
        const flush = () => {
            if (!longest) return;
            const faded = plan !== null && longest.plan !== plan ? OTHER_PLAN : 1;
            pen.globalAlpha = Math.min(1, Math.max(FAINTEST, share)) * faded;
            pen.fillStyle = this.ink(spans, longest);
            pen.fillRect(column, top, 1, height);
            share = 0;
            longest = null;
        };
        pen.font = fontOf(10.5);
        for (let k = firstAfter(track.spans, view.from); k < track.spans.length; k++) {
            const span = track.spans[k]!;
            if (span.start >= view.to) break;
            const left = Math.max(GUTTER_PIXELS, GUTTER_PIXELS + (span.start - view.from) * scale);
            const right = Math.min(width, GUTTER_PIXELS + (span.start + span.seconds - view.from) * scale);
            if (right - left < 1) {
                if (Math.floor(left) !== column) {
                    flush();
                    column = Math.floor(left);
                }
                share += right - left;
                if (!longest || span.seconds > longest.seconds) longest = span;
                continue;
            }
            flush();
            pen.globalAlpha = plan !== null && span.plan !== plan ? OTHER_PLAN : 1;
            pen.fillStyle = this.ink(spans, span);
            pen.fillRect(left, top, right - left > 4 ? right - left - 0.5 : right - left, height);
            if (span.kind === "compute" && right - left > LABEL_PIXELS) this.label(span.label, left, right, y);
        }
        flush();
        pen.globalAlpha = 1;
    }

    private label(text: string, left: number, right: number, y: number): void {
        const pen = this.pen;
        pen.save();
        pen.beginPath();
        pen.rect(left, y, right - left - 3, LANE_PIXELS);
        pen.clip();
        pen.fillStyle = colour("--on-span");
        pen.textAlign = "left";
        pen.textBaseline = "middle";
        pen.fillText(text, left + 4, y + LANE_PIXELS / 2 + 0.5);
        pen.restore();
    }

    private ruler(width: number, height: number, view: View): void {
        for (const at of ticks(view, width - GUTTER_PIXELS)) {
            const x =
                Math.round(GUTTER_PIXELS + ((at - view.from) / (view.to - view.from)) * (width - GUTTER_PIXELS)) +
                0.5;
            this.pen.strokeStyle = colour("--grid");
            this.pen.beginPath();
            this.pen.moveTo(x, 0);
            this.pen.lineTo(x, height);
            this.pen.stroke();
        }
    }

    /** Those lanes of tracks that are in sight, when the first is scrolled up by `scrolled` pixels. */
    lanes(spans: Spans, tracks: readonly Track[], scrolled: number, view: View, plan: number | null): void {
        const { width, height } = this.begin();
        this.ruler(width, height, view);
        const first = Math.max(0, Math.floor(scrolled / LANE_PIXELS));
        const last = Math.min(tracks.length, Math.ceil((scrolled + height) / LANE_PIXELS));
        for (let k = first; k < last; k++) {
            const track = tracks[k]!,
                y = k * LANE_PIXELS - scrolled;
            if (k > 0 && tracks[k - 1]!.lane.worker !== track.lane.worker) {
                this.pen.fillStyle = colour("--rule");
                this.pen.fillRect(0, Math.round(y), width, 1);
            }
            this.name(track, y);
            this.lane(spans, track, y, width, view, plan);
        }
    }

    /** All that is remembered, as how busy threads were, and which part of it is in view. */
    strip(spans: Spans, all: View, view: View): void {
        const { width, height } = this.begin();
        const share = spans.busy(all.from, all.to, Math.max(1, Math.floor(width / 2)));
        this.pen.fillStyle = colour("--blue");
        share.forEach((value, bin) => this.pen.fillRect(bin * 2, height * (1 - value), 2, height * value));
        const x = (at: number) => ((at - all.from) / (all.to - all.from)) * width;
        const left = Math.max(0, x(view.from)),
            right = Math.min(width, x(view.to));
        this.pen.globalAlpha = 0.14;
        this.pen.fillStyle = colour("--ink");
        this.pen.fillRect(0, 0, left, height);
        this.pen.fillRect(right, 0, width - right, height);
        this.pen.globalAlpha = 1;
        this.pen.strokeStyle = colour("--ink-soft");
        this.pen.strokeRect(left + 0.5, 0.5, Math.max(2, right - left - 1), height - 1);
    }
}

/** Round times in view, as many as have room. */
export function ticks({ from, to }: View, pixels: number): number[] {
    const rough = (to - from) / Math.max(1, pixels / TICK_PIXELS);
    const tens = 10 ** Math.floor(Math.log10(rough));
    const steps = rough > 1 ? [1, 2, 5, 10, 15, 30, 60, 120, 300, 600] : [tens, 2 * tens, 5 * tens, 10 * tens];
    const step = steps.find((seconds) => seconds >= rough) ?? 600;
    const found: number[] = [];
    for (let k = Math.ceil(from / step); k * step <= to; k++) found.push(k * step);
    return found;
}
