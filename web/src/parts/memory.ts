// SPDX-License-Identifier: Apache-2.0
// What memory of a worker is for, in the same order and colours wherever it is shown.
import type { Worker } from "../contract";
import type { Part } from "./bits";

type Used = Pick<Worker, "pinned_bytes" | "used_bytes" | "scratch_bytes" | "cache_bytes">;

export function memoryParts(worker: Used): Part[] {
    return [
        { label: "pinned", value: worker.pinned_bytes, colour: "--blue" },
        { label: "idle chunks", value: Math.max(0, worker.used_bytes - worker.pinned_bytes), colour: "--sky" },
        { label: "tasks", value: worker.scratch_bytes, colour: "--orange" },
    ];
}

/** What the parts are shown as parts of: the room for chunks, and what tasks have beyond it. */
export function memoryWhole(worker: Used): number {
    return Math.max(worker.cache_bytes, worker.used_bytes + worker.scratch_bytes);
}
