// SPDX-License-Identifier: Apache-2.0
// Quantities as people read them. A unit knows how a value is written in a sentence, and which steps an axis may have:
// bytes go by powers of two, everything else by 1, 2 and 5.

export interface Unit {
    readonly text: (value: number) => string;
    readonly steps: readonly number[];
}

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const DASH = "–";

/** As many digits as say something: 7.25, 72.5, 725. */
function digits(value: number): string {
    const size = Math.abs(value);
    return String(Number(value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2)));
}

export function bytes(value: number): string {
    let power = 0;
    while (Math.abs(value) >= 1024 - 0.5 && power < BYTES.length - 1) {
        value /= 1024;
        power++;
    }
    return `${power === 0 ? Math.round(value) : digits(value)} ${BYTES[power]}`;
}

export function rate(value: number): string {
    return `${bytes(value)}/s`;
}

export function count(value: number): string {
    return Math.round(value).toLocaleString("en");
}

export function percent(value: number): string {
    if (value > 0 && value < 0.05) return "< 0.1 %";
    return `${value >= 9.95 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

/** 0.25 ms, 12.3 s, 4 min 05 s, 3 h 07 min, 2 d 4 h: two units at most. */
export function duration(seconds: number): string {
    const two = (n: number) => String(n).padStart(2, "0");
    if (seconds < 0) return `${DASH}${duration(-seconds)}`;
    if (seconds < 1e-3) return `${digits(seconds * 1e6)} µs`;
    if (seconds < 1) return `${digits(seconds * 1e3)} ms`;
    if (seconds < 60) return `${digits(seconds)} s`;
    const whole = Math.round(seconds);
    if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
    const minutes = Math.round(seconds / 60);
    if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
    const hours = Math.round(seconds / 3600);
    return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

function decimals(least: number, most: number): number[] {
    const steps: number[] = [];
    for (let power = least; power <= most; power++) for (const m of [1, 2, 5]) steps.push(m * 10 ** power);
    return steps;
}

const POWERS_OF_TWO = Array.from({ length: 60 }, (_, power) => 2 ** power);

export const UNITS = {
    bytes: { text: bytes, steps: POWERS_OF_TWO },
    rate: { text: rate, steps: POWERS_OF_TWO },
    count: { text: count, steps: decimals(0, 15) },
    number: {
        text: (value: number) => (Math.abs(value) >= 1000 ? count(value) : digits(value)),
        steps: decimals(-2, 15),
    },
    percent: { text: percent, steps: decimals(0, 4) },
    seconds: { text: duration, steps: decimals(-9, 7) },
} satisfies Record<string, Unit>;

/** The clock on the wall here, to the second: 13:04:59. */
export function clock(unixSeconds: number): string {
    return new Date(unixSeconds * 1e3).toLocaleTimeString("en-GB");
}

/** Of another day with its date: 2026-11-26 13:04:59. */
export function moment(unixSeconds: number, now = Date.now() / 1e3): string {
    const day = (t: number) => new Date(t * 1e3).toLocaleDateString("sv-SE");
    return day(unixSeconds) === day(now) ? clock(unixSeconds) : `${day(unixSeconds)} ${clock(unixSeconds)}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
    return `${count(n)} ${n === 1 ? one : many}`;
}

/** Whose it is: a number of the machine's users, or the user of a token. */
export function user(of: number | string | null): string {
    return of === null ? "–" : typeof of === "string" ? of : `uid ${of}`;
}

export function shape(lengths: readonly number[]): string {
    return lengths.length === 0 ? "scalar" : lengths.map((n) => (n < 0 ? "?" : String(n))).join(" × ");
}
