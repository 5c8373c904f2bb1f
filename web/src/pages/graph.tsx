// SPDX-License-Identifier: Apache-2.0
// The plan of a task at the level of operators. Nodes fill as they are done; the layout is made once, and again only
// when there are other nodes.
import { Graph, layout } from "@dagrejs/dagre";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import type * as contract from "../contract";
import { useTopic } from "../feed";
import { bytes, count, percent, plural, shape } from "../format";
import { nodesInOne } from "../parts/alike";
import { Await, Facts, Panel } from "../parts/bits";
import { href } from "../route";

interface Placed {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
}

interface Layout {
    readonly width: number;
    readonly height: number;
    readonly nodes: ReadonlyMap<number, Placed>;
    readonly lines: readonly string[];
}

const NODE_HEIGHT = 49;
const LETTER_PIXELS = 7.4;
const SHARE_LETTERS = 6;
const INSET = 9;
const NARROWEST = 96;
const WIDEST = 260;
const MARGIN = 12;
const SCALES = [0.35, 0.5, 0.7, 1, 1.4];

function arrange(graph: contract.Graph): Layout {
    const dagre = new Graph();
    dagre.setGraph({ rankdir: "TB", nodesep: 22, ranksep: 38, marginx: MARGIN, marginy: MARGIN });
    dagre.setDefaultEdgeLabel(() => ({}));
    for (const node of graph.nodes)
        dagre.setNode(String(node.node), {
            width: Math.min(
                WIDEST,
                Math.max(
                    NARROWEST,
                    2 * INSET + LETTER_PIXELS * Math.max(node.label.length + SHARE_LETTERS, second(node).length),
                ),
            ),
            height: NODE_HEIGHT,
        });
    for (const edge of graph.edges) dagre.setEdge(String(edge.from), String(edge.to));
    layout(dagre);
    const { width = 0, height = 0 } = dagre.graph() as { width?: number; height?: number };
    return {
        width,
        height,
        nodes: new Map(graph.nodes.map(({ node }) => [node, dagre.node(String(node)) as Placed])),
        lines: dagre
            .edges()
            .map((edge) => curve((dagre.edge(edge) as { points: { x: number; y: number }[] }).points)),
    };
}

/** Through the middles between the points that dagre gives. */
function curve(points: readonly { x: number; y: number }[]): string {
    const [first, ...rest] = points;
    let path = `M${first!.x},${first!.y}`;
    rest.forEach((point, k) => {
        const after = rest[k + 1];
        path += after
            ? ` Q${point.x},${point.y} ${(point.x + after.x) / 2},${(point.y + after.y) / 2}`
            : ` L${point.x},${point.y}`;
    });
    return path;
}

function known(lengths: contract.Node["shape"]): string {
    return shape(lengths.map((length) => length ?? -1));
}

function second(node: contract.Node): string {
    return `${known(node.shape)} ${node.dtype}`;
}

const NAMES = { waiting: "waiting", busy: "under way", done: "done", tensor: "there already" };

function stateOf(node: contract.Node): keyof typeof NAMES {
    if (node.kind === "tensor") return "tensor";
    return node.done === node.tasks ? "done" : node.done + node.given > 0 ? "busy" : "waiting";
}

function Box({ node, at, chosen, choose }: { node: contract.Node; at: Placed; chosen: boolean; choose: () => void }) {
    const share = node.kind === "tensor" ? 1 : node.done / Math.max(1, node.tasks);
    const state = stateOf(node);
    const done = node.kind === "tensor" ? "" : percent(100 * share);
    const left = at.x - at.width / 2,
        top = at.y - at.height / 2;
    return (
        <g
            class={`node ${state} ${chosen ? "chosen" : ""} ${node.kept ? "kept" : ""}`}
            tabIndex={0}
            role="button"
            aria-pressed={chosen}
            onClick={choose}
            transform={`translate(${left},${top})`}
            onKeyDown={(event) => {
                if (event.key !== "Enter" && event.key !== " ") return;
                event.preventDefault();
                choose();
            }}
        >
            <title>{`${node.label} ${second(node)} ${done} ${NAMES[state]}`}</title>
            <rect class="back" width={at.width} height={at.height} rx="5" />
            <rect class="edge" width={at.width} height={at.height} rx="5" />
            <svg width={at.width - (node.kind === "tensor" ? 0 : SHARE_LETTERS * LETTER_PIXELS)} height="24">
                <text x={INSET} y="17">
                    {node.label}
                </text>
            </svg>
            <text class="second" x={INSET} y="33">
                {second(node)}
            </text>
            {node.kind !== "tensor" && (
                <>
                    <text class="second" x={at.width - INSET} y="17" text-anchor="end">
                        {done}
                    </text>
                    <rect class="way" x={INSET} y="39" width={at.width - 2 * INSET} height="3" rx="1.5" />
                    <rect class="share" x={INSET} y="39" width={share * (at.width - 2 * INSET)} height="3" rx="1.5" />
                </>
            )}
        </g>
    );
}

function About({ node }: { node: contract.Node }) {
    return (
        <Facts
            facts={[
                ["Operators", <span class="mono">{node.label}</span>],
                ["Makes", second(node)],
                ["Size", bytes(node.bytes)],
                [
                    "Kind",
                    {
                        tensor: "a tensor that is there already",
                        nest: "element by element",
                        merge: "a tree of reductions",
                        block: "whole blocks",
                    }[node.kind],
                ],
                [
                    "Pieces",
                    node.kind === "tensor"
                        ? "–"
                        : `${count(node.done)} of ${count(node.tasks)} done, ${count(node.given)} at workers`,
                ],
                ["Kept", node.kept ? "a result, or needed later" : "until it has been read"],
            ]}
        />
    );
}

function Drawing({ graph: whole }: { graph: contract.Graph }) {
    const graph = useMemo(() => ({ ...whole, ...nodesInOne(whole) }), [whole]);
    const key = `${graph.plan} ${graph.nodes.map((node) => node.node).join()}`;
    const placed = useMemo(() => arrange(graph), [key]);
    const box = useRef<HTMLDivElement>(null);
    const [scale, setScale] = useState(1);
    useLayoutEffect(() => {
        const fits = SCALES.filter((factor) => factor <= 1 && placed.width * factor <= box.current!.clientWidth);
        setScale(fits.at(-1) ?? SCALES[0]!);
    }, [placed]);
    const [chosen, setChosen] = useState<number | null>(null);
    const step = (by: number) =>
        setScale(SCALES[Math.min(SCALES.length - 1, Math.max(0, SCALES.indexOf(scale) + by))]!);
    const node = graph.nodes.find((candidate) => candidate.node === chosen);
    return (
        <div class="split">
            <Panel
                title={plural(graph.nodes.length, "node")}
                aside={
                    <div class="group" role="group" aria-label="Zoom">
                        <button type="button" onClick={() => step(-1)} aria-label="Smaller">
                            −
                        </button>
                        <button type="button" onClick={() => step(1)} aria-label="Larger">
                            +
                        </button>
                    </div>
                }
            >
                <ul class="legend">
                    {(Object.keys(NAMES) as (keyof typeof NAMES)[]).map((state) => (
                        <li key={state}>
                            <i class={`swatch node ${state}`} />
                            {NAMES[state]}
                        </li>
                    ))}
                </ul>
                <div class="scroll drawing" ref={box} tabIndex={0} role="region" aria-label="Graph">
                    <svg
                        width={placed.width * scale}
                        height={placed.height * scale}
                        role="group"
                        aria-label="Plan"
                        viewBox={`0 0 ${placed.width} ${placed.height}`}
                    >
                        {placed.lines.map((line, k) => (
                            <path key={k} class="line" d={line} />
                        ))}
                        {graph.nodes.map((each) => (
                            <Box
                                key={each.node}
                                node={each}
                                at={placed.nodes.get(each.node)!}
                                chosen={each.node === chosen}
                                choose={() => setChosen(each.node)}
                            />
                        ))}
                    </svg>
                </div>
                {graph.truncated > 0 && <p class="soft">{plural(graph.truncated, "node")} more are not shown.</p>}
                {!graph.complete && <p class="soft">The rest is planned when shapes are known.</p>}
            </Panel>
            <Panel title="Node">{node ? <About node={node} /> : <p class="empty">Choose a node.</p>}</Panel>
        </div>
    );
}

export function GraphPage({ request }: { request: number }) {
    const news = useTopic(`requests/${request}/graph`);
    return (
        <>
            <p class="crumb">
                <a href={href(["tasks"])}>Tasks</a> / <a href={href(["tasks", request])}>{request}</a> / graph
            </p>
            <div class="title">
                <h1>Graph of task {request}</h1>
            </div>
            {news.gone && !news.data ? (
                <p class="empty">Its plan is not there: {news.gone.text}</p>
            ) : (
                <Await news={news}>{(graph) => <Drawing graph={graph} />}</Await>
            )}
        </>
    );
}
