// SPDX-License-Identifier: Apache-2.0
// Lines of logs, with links to what they are about.
import { Component, type ComponentChildren } from "preact";

import type { LogLine } from "../contract";
import { moment } from "../format";
import { href } from "../route";
import { State } from "./bits";
import { newestFirst } from "./newest";

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

/** What makes a line another one. */
function identity(line: LogLine): string {
    return `${line.time} ${line.source} ${line.text}`;
}

/** A line never changes: of a thousand that are shown only new ones are drawn. */
class Line extends Component<{ line: LogLine }> {
    override shouldComponentUpdate({ line }: { line: LogLine }) {
        return identity(line) !== identity(this.props.line);
    }

    render({ line }: { line: LogLine }) {
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
}

/** That of each line, with a number behind those that are there several times. */
function keysOf(lines: readonly LogLine[]): string[] {
    const seen = new Map<string, number>();
    return lines.map((line) => {
        const key = identity(line),
            n = seen.get(key) ?? 0;
        seen.set(key, n + 1);
        return `${key} ${n}`;
    });
}

export function LogTable({ lines, empty }: { lines: readonly LogLine[]; empty: string }) {
    if (lines.length === 0) return <p class="empty">{empty}</p>;
    const shown = newestFirst(lines),
        keys = keysOf(shown);
    return (
        <ol class="log">
            {shown.map((line, k) => (
                <Line key={keys[k]!} line={line} />
            ))}
        </ol>
    );
}
