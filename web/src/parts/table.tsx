// SPDX-License-Identifier: Apache-2.0
// A table of thousands of rows, of which only those in sight are in the document. Rows have one height; two empty
// rows stand for those above and below. Assistive software hears how many there are, and which these are.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

import { note, route } from "../route";
import { useValue } from "../value";

export interface Column<T> {
    readonly key: string;
    readonly title: string;
    readonly cell: (row: T) => ComponentChildren;
    /** By what rows are sorted; without, they are not by this column. */
    readonly by?: (row: T) => number | string;
    readonly number?: boolean;
    /** Left out where there is little room. */
    readonly spare?: boolean;
}

interface TableProps<T> {
    readonly label: string;
    readonly columns: readonly Column<T>[];
    readonly rows: readonly T[];
    readonly id: (row: T) => number | string;
    readonly order?: string;
    readonly empty: ComponentChildren;
}

const ROW_PIXELS = 34;
const BEYOND = 12;

/** "-cpu" is by cpu, largest first. */
function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], order: string): readonly T[] {
    const down = order.startsWith("-");
    const by = columns.find((column) => column.key === order.slice(down ? 1 : 0))?.by;
    if (!by) return rows;
    const sign = down ? -1 : 1;
    const keys = new Map(rows.map((row) => [row, by(row)]));
    return [...rows].sort((a, b) => {
        const [x, y] = [keys.get(a)!, keys.get(b)!];
        return sign * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
    });
}

function Heading<T>({ column, order }: { column: Column<T>; order: string }) {
    const down = order === `-${column.key}`,
        up = order === column.key;
    const kind = `${column.number ? "number" : ""} ${column.spare ? "spare" : ""}`;
    if (!column.by)
        return (
            <th scope="col" class={kind}>
                {column.title}
            </th>
        );
    const next = down ? column.key : up || column.number ? `-${column.key}` : column.key;
    return (
        <th scope="col" class={kind} aria-sort={down ? "descending" : up ? "ascending" : "none"}>
            <button type="button" class="sort" onClick={() => note({ sort: next })}>
                {column.title}
                <span aria-hidden="true">{down ? " ↓" : up ? " ↑" : ""}</span>
            </button>
        </th>
    );
}

export function Table<T>({ label, columns, rows, id, order = "", empty }: TableProps<T>) {
    const box = useRef<HTMLDivElement>(null);
    const [sight, setSight] = useState({ top: 0, height: 600 });
    const chosen = useValue(route).query.get("sort") ?? order;
    const ordered = useMemo(() => sorted(rows, columns, chosen), [rows, columns, chosen]);
    const look = () => {
        const { scrollTop, clientHeight } = box.current!;
        setSight((old) =>
            old.top === scrollTop && old.height === clientHeight ? old : { top: scrollTop, height: clientHeight },
        );
    };
    useLayoutEffect(() => {
        const follow = new ResizeObserver(look);
        follow.observe(box.current!);
        return () => follow.disconnect();
    }, []);

    const first = Math.max(0, Math.floor(sight.top / ROW_PIXELS) - BEYOND);
    const last = Math.min(ordered.length, Math.ceil((sight.top + sight.height) / ROW_PIXELS) + BEYOND);
    const gap = (n: number) =>
        n > 0 && <tr class="gap" aria-hidden="true" style={{ height: `${n * ROW_PIXELS}px` }} />;
    return (
        <div class="scroll" ref={box} onScroll={look} tabIndex={0} role="region" aria-label={label}>
            <table aria-rowcount={ordered.length + 1} class="virtual">
                <thead>
                    <tr aria-rowindex={1}>
                        {columns.map((column) => (
                            <Heading key={column.key} column={column} order={chosen} />
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {gap(first)}
                    {ordered.slice(first, last).map((row, k) => (
                        <tr key={id(row)} aria-rowindex={first + k + 2}>
                            {columns.map((column) => (
                                <td
                                    key={column.key}
                                    class={`${column.number ? "number" : ""} ${column.spare ? "spare" : ""}`}
                                >
                                    {column.cell(row)}
                                </td>
                            ))}
                        </tr>
                    ))}
                    {gap(ordered.length - last)}
                </tbody>
            </table>
            {ordered.length === 0 && <p class="empty">{empty}</p>}
        </div>
    );
}
