// SPDX-License-Identifier: Apache-2.0
// Lines come with the oldest first, those of each daemon by themselves.

/** Those of all daemons, the newest first; of what was said at one moment the last comes first. */
export function newestFirst<T extends { readonly time: number }>(lines: readonly T[]): T[] {
    return [...lines].reverse().sort((a, b) => b.time - a.time);
}
