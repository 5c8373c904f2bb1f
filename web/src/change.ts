// SPDX-License-Identifier: Apache-2.0
// What turns one answer into the next (daemons/web/change.h says what changes are). Nothing is changed in place: what
// stays is the same object afterwards, so that a table sees which of its rows are new.
import type { Change } from "./contract";

type Fields = Readonly<Record<string, unknown>>;

/** A row is known by the value of its first field. */
function keyOf(row: unknown): unknown {
    return Object.values(row as Fields)[0];
}

function changedFields(fields: Fields, { set = {}, in: within = {} }: Change): Fields {
    const changed: Record<string, unknown> = { ...fields, ...set };
    for (const [name, change] of Object.entries(within)) changed[name] = apply(fields[name], change);
    return changed;
}

function changedList(list: readonly unknown[], change: Change): unknown[] {
    const { shift = 0, append = [], rows = [], drop = [], add = [] } = change;
    const dropped = new Set<unknown>(drop);
    const changes = new Map(rows.map((row) => [row.key, row]));
    const changed: unknown[] = [];
    for (const item of shift > 0 ? list.slice(shift) : list) {
        const key = dropped.size + changes.size > 0 ? keyOf(item) : undefined;
        if (dropped.has(key)) continue;
        const how = changes.get(key as never);
        changed.push(how ? apply(item, how) : item);
    }
    for (const { at, row } of add) changed.splice(at, 0, row);
    changed.push(...append);
    return changed;
}

export function apply(value: unknown, change: Change): unknown {
    if ("now" in change) return change.now;
    return Array.isArray(value) ? changedList(value, change) : changedFields(value as Fields, change);
}
