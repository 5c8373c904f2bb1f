// SPDX-License-Identifier: Apache-2.0
// Large products are made in many stages, one after the other, which are all alike: people want to see one of them.
import type { Graph, Node, Operator } from "../contract";

const times = (label: string, n: number) => (n > 1 ? `${label} × ${n}` : label);

/** Of operators in the order of the plan, those in a row that are alike are one. */
export function operatorsInOne(operators: readonly Operator[]): Operator[] {
    const found: { one: Operator; label: string; n: number }[] = [];
    for (const next of operators) {
        const last = found.at(-1);
        if (!last || last.label !== next.label || last.one.kind !== next.kind) {
            found.push({ one: next, label: next.label, n: 1 });
            continue;
        }
        const { one } = last;
        last.n++;
        last.one = {
            ...one,
            tasks: one.tasks + next.tasks,
            done: one.done + next.done,
            given: one.given + next.given,
            bytes: one.bytes + next.bytes,
            bytes_done: one.bytes_done + next.bytes_done,
        };
    }
    return found.map(({ one, label, n }) => ({ ...one, label: times(label, n) }));
}

function alike(a: Node, b: Node): boolean {
    const same = a.kind !== "tensor" && a.kind === b.kind && a.label === b.label && a.dtype === b.dtype;
    return same && String(a.shape) === String(b.shape);
}

/** Nodes that are alike, and of which one reads what the other makes, are one. */
export function nodesInOne({ nodes, edges }: Graph): Pick<Graph, "nodes" | "edges"> {
    const byNumber = new Map(nodes.map((node) => [node.node, node]));
    const first = new Map(nodes.map(({ node }) => [node, node]));
    const root = (number: number): number => {
        const parent = first.get(number)!;
        return parent === number ? number : root(parent);
    };
    for (const { from, to } of edges) {
        const a = byNumber.get(from),
            b = byNumber.get(to);
        if (a && b && alike(a, b)) first.set(root(to), root(from));
    }
    const groups = new Map<number, Node[]>();
    for (const node of nodes) groups.set(root(node.node), [...(groups.get(root(node.node)) ?? []), node]);
    const sum = (group: readonly Node[], field: "tasks" | "done" | "given") =>
        group.reduce((total, node) => total + node[field], 0);
    const kept = new Map<string, { from: number; to: number }>();
    for (const edge of edges) {
        const from = root(edge.from),
            to = root(edge.to);
        if (from !== to) kept.set(`${from} ${to}`, { from, to });
    }
    return {
        nodes: [...groups].map(([number, group]) => ({
            ...group[0]!,
            node: number,
            label: times(group[0]!.label, group.length),
            kept: group.some((node) => node.kept),
            tasks: sum(group, "tasks"),
            done: sum(group, "done"),
            given: sum(group, "given"),
            bytes: Math.max(...group.map((node) => node.bytes)), // each adds to what the one before it made
        })),
        edges: [...kept.values()],
    };
}
