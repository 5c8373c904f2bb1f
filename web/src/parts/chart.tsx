// SPDX-License-Identifier: Apache-2.0
// A quantity over time. The legend stands above the plot with the values at the cursor (of all charts of a page at
// once), or the newest ones; the same values are a table for who would rather read.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";

import { clock, type Unit } from "../format";
import { colour, painted } from "../theme";
import { useValue } from "../value";

export interface Line {
    readonly label: string;
    /** A custom property of app.css. */
    readonly colour: string;
    readonly values: readonly (number | null)[];
}

/** A level that lines are to be compared with. */
export interface Limit {
    readonly label: string;
    readonly value: number;
}

export interface ChartProps {
    readonly title: string;
    readonly unit: Unit;
    readonly time: readonly number[];
    readonly lines: readonly Line[];
    readonly stacked?: boolean;
    readonly limits?: readonly Limit[];
    /** The axis goes at least so far. */
    readonly least?: number;
    readonly height?: number;
}

/** What has been going on for less than the first is shown over that; nothing is shown over more than the second. */
const SHORTEST_SECONDS = 120;
const LONGEST_SECONDS = 900;
/** A limit that is so many times as high as the lines would make them flat. */
const FAR = 3;
const TABLE_ROWS = 30;
const LABEL_GAP = 4;
const LABEL_PIXELS = 11;
const CLOCK_PIXELS = 52;
const NO_LIMITS: readonly Limit[] = [];

/** Series as uPlot wants them. Stacks are sums from below, of which the tallest is painted first. */
/** With seconds where minutes would be there twice. */
function clocks(ticks: number[]): string[] {
    const whole = ticks.every((tick) => tick % 60 === 0);
    return ticks.map((tick) => (whole ? clock(tick).slice(0, 5) : clock(tick)));
}

/** Without those that would be cut off at the end of the plot. */
function wholeClocks(plot: uPlot, ticks: number[]): string[] {
    const end = plot.bbox.width / devicePixelRatio - CLOCK_PIXELS / 2;
    return clocks(ticks).map((text, k) => (plot.valToPos(ticks[k]!, "x") > end ? "" : text));
}

function columns({ time, lines, stacked }: ChartProps): uPlot.AlignedData {
    const values = lines.map((line) => line.values as (number | null)[]);
    if (stacked)
        for (let k = 1; k < values.length; k++)
            values[k] = values[k]!.map((value, at) => (value === null ? null : value + (values[k - 1]![at] ?? 0)));
    return [time as number[], ...(stacked ? values.reverse() : values)];
}

/** Names of limits that are close to each other stand side by side. */
function limitsOf(props: { readonly current: ChartProps }) {
    return (plot: uPlot) => {
        const { ctx, bbox } = plot;
        const scale = devicePixelRatio;
        const right = bbox.left + bbox.width - LABEL_GAP * scale;
        let above = -Infinity,
            end = right;
        ctx.save();
        ctx.strokeStyle = ctx.fillStyle = colour("--limit");
        ctx.lineWidth = scale;
        ctx.setLineDash([4 * scale, 4 * scale]);
        ctx.font = fontOf(LABEL_PIXELS * scale);
        ctx.textAlign = "right";
        ctx.textBaseline = "bottom";
        for (const { label, value } of [...(props.current.limits ?? NO_LIMITS)].sort((a, b) => b.value - a.value)) {
            const y = Math.round(plot.valToPos(value, "y", true)) + 0.5;
            if (y < bbox.top || y > bbox.top + bbox.height) continue;
            ctx.beginPath();
            ctx.moveTo(bbox.left, y);
            ctx.lineTo(bbox.left + bbox.width, y);
            ctx.stroke();
            if (y - above > LABEL_PIXELS * 1.4 * scale) end = right;
            ctx.fillText(label, end, y - (LABEL_GAP / 2) * scale);
            end -= ctx.measureText(label).width + 3 * LABEL_GAP * scale;
            above = y;
        }
        ctx.restore();
    };
}

export function fontOf(pixels: number): string {
    return `${pixels}px ${getComputedStyle(document.body).fontFamily}`;
}

function optionsOf(props: { readonly current: ChartProps }, onCursor: (index: number | null) => void): uPlot.Options {
    const { lines, stacked, unit } = props.current;
    const grid = { stroke: colour("--grid"), width: 1 };
    const axis = { stroke: colour("--ink-soft"), font: fontOf(11), grid, ticks: { show: false } };
    const painter = stacked ? [...lines].reverse() : lines;
    return {
        width: 300,
        height: props.current.height ?? 150,
        padding: [12, 4, 0, 0],
        legend: { show: false },
        cursor: { sync: { key: "time" }, drag: { x: false, y: false }, points: { show: !stacked }, y: false },
        scales: {
            x: {
                range: (_, min, max) => [max - Math.min(LONGEST_SECONDS, Math.max(SHORTEST_SECONDS, max - min)), max],
            },
            y: {
                range: (_, __, max) => {
                    const top = Math.max((max ?? 0) * 1.06, props.current.least ?? 0);
                    const limits = (props.current.limits ?? NO_LIMITS).map(({ value }) => value * 1.12);
                    return [0, Math.max(top, ...limits.filter((value) => value <= FAR * top))];
                },
            },
        },
        axes: [
            { ...axis, size: 24, gap: 4, space: 70, values: wholeClocks },
            {
                ...axis,
                size: 68,
                gap: 6,
                space: 20,
                incrs: [...unit.steps],
                values: (_, ticks) => ticks.map((tick) => (tick === 0 ? "0" : unit.text(tick))),
            },
        ],
        series: [
            {},
            ...painter.map((line) => ({
                label: line.label,
                width: stacked ? 1 : 1.5,
                stroke: colour(stacked ? "--panel" : line.colour),
                ...(stacked ? { fill: colour(line.colour) } : {}),
                points: { show: false },
            })),
        ],
        hooks: {
            draw: [limitsOf(props)],
            setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
        },
    };
}

function Values({ time, lines, unit }: ChartProps) {
    const from = Math.max(0, time.length - TABLE_ROWS);
    const rows = time
        .slice(from)
        .map((_, k) => from + k)
        .reverse();
    return (
        <div class="scroll short" tabIndex={0} role="region" aria-label="Values">
            <table>
                <thead>
                    <tr>
                        <th scope="col">Time</th>
                        {lines.map((line) => (
                            <th scope="col" class="number" key={line.label}>
                                {line.label}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {rows.map((at) => (
                        <tr key={time[at]}>
                            <td>{clock(time[at]!)}</td>
                            {lines.map((line) => (
                                <td class="number" key={line.label}>
                                    {textAt(line, at, unit)}
                                </td>
                            ))}
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

function textAt(line: Line, at: number, unit: Unit): string {
    const value = line.values[at];
    return value === null || value === undefined ? "–" : unit.text(value);
}

export function Chart(props: ChartProps) {
    const { title, unit, time, lines, stacked } = props;
    const box = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | null>(null);
    const latest = useRef(props);
    const [cursor, setCursor] = useState<number | null>(null);
    const [table, setTable] = useState(false);
    const coat = useValue(painted);
    latest.current = props;

    const data = useMemo(() => columns(props), [time, lines]);
    useEffect(() => {
        const chart = new uPlot(optionsOf(latest, setCursor), columns(latest.current), box.current!);
        const follow = new ResizeObserver(([entry]) => {
            const width = Math.floor(entry!.contentRect.width);
            if (width > 0) chart.setSize({ width, height: latest.current.height ?? 150 });
        });
        follow.observe(box.current!);
        plot.current = chart;
        return () => {
            follow.disconnect();
            chart.destroy();
            plot.current = null;
        };
    }, [coat, stacked, lines.map((line) => line.label + line.colour).join()]);
    useEffect(() => plot.current?.setData(data), [data]);

    const step = (event: KeyboardEvent) => {
        const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (move === undefined || !plot.current || time.length === 0) return;
        event.preventDefault();
        const at = Math.min(Math.max((cursor ?? time.length) + move, 0), time.length - 1);
        plot.current.setCursor({ left: plot.current.valToPos(time[at]!, "x"), top: 0 });
    };
    const at = cursor !== null && cursor < time.length ? cursor : time.length - 1;
    const said = lines.map((line) => `${line.label} ${textAt(line, at, unit)}`).join(", ");
    return (
        <figure class="chart">
            <figcaption>
                <h3>{title}</h3>
                <span class="when">{cursor !== null && at >= 0 ? clock(time[at]!) : "now"}</span>
                <button type="button" class="quiet" aria-pressed={table} onClick={() => setTable(!table)}>
                    Table<span class="unseen"> of {title}</span>
                </button>
            </figcaption>
            <ul class="legend">
                {lines.map((line) => (
                    <li key={line.label}>
                        <i class={stacked ? "swatch" : "swatch line"} style={{ background: `var(${line.colour})` }} />
                        {line.label} <b>{textAt(line, at, unit)}</b>
                    </li>
                ))}
                {(props.limits ?? NO_LIMITS).map((limit) => (
                    <li key={limit.label}>
                        <i class="swatch limit" />
                        {limit.label} <b>{unit.text(limit.value)}</b>
                    </li>
                ))}
            </ul>
            <div
                class="plot"
                ref={box}
                tabIndex={0}
                role="img"
                onKeyDown={step}
                onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
                aria-label={`${title} over the last quarter of an hour; now ${said}. Arrow keys go back in time.`}
            />
            {table && <Values {...props} />}
        </figure>
    );
}
