// SPDX-License-Identifier: Apache-2.0
// Lines of logs, with links to what they are about.
import type { ComponentChildren } from "preact";

import type { LogLine } from "../contract";
import { moment } from "../format";
import { href } from "../route";
import { State } from "./bits";

const LEVELS = ["emergency", "alert", "critical", "error", "warning", "notice", "information", "debug"];
const ERROR = 3;
const WARNING = 4;

export function levelName(level: number): string {
    return LEVELS[level] ?? String(level);
}

function About({ line }: { line: LogLine }) {
    const links: ComponentChildren[] = [];
    if (line.worker !== null) links.push(<a href={href(["workers", line.worker])}>worker {line.worker}</a>);
    if (line.request !== null) links.push(<a href={href(["tasks", line.request])}>task {line.request}</a>);
    if (line.session !== null)
        links.push(<a href={href(["logs"], { session: String(line.session) })}>session {line.session}</a>);
    return (
        <>
            {links.map((link, k) => (
                <span key={k}>
                    {k > 0 && ", "}
                    {link}
                </span>
            ))}
        </>
    );
}

function Line({ line }: { line: LogLine }) {
    const mark = line.level <= ERROR ? "bad" : line.level === WARNING ? "warning" : "empty";
    return (
        <li>
            <time>{moment(line.time)}</time>
            <State state={mark} words={levelName(line.level)} />
            <span>
                {line.text}{" "}
                <span class="soft">
                    {line.source} <About line={line} />
                </span>
            </span>
        </li>
    );
}

export function LogTable({ lines, empty }: { lines: readonly LogLine[]; empty: string }) {
    if (lines.length === 0) return <p class="empty">{empty}</p>;
    return (
        <ol class="log">
            {lines.map((line, k) => (
                <Line key={`${line.time}${line.source}${k}`} line={line} />
            ))}
        </ol>
    );
}
