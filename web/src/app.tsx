// SPDX-License-Identifier: Apache-2.0
// The frame around all pages: where one can go, how the cluster is, and whether what is shown is still true.
import "uplot/dist/uPlot.min.css";
import "./colours.css";
import "./app.css";
import "./pages.css";

import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { signIn, signInOnce, signedOut } from "./api";
import { connection, useTopic } from "./feed";
import { About } from "./pages/about";
import { GraphPage } from "./pages/graph";
import { Logs } from "./pages/logs";
import { Overview } from "./pages/overview";
import { Requests } from "./pages/requests";
import { RequestPage } from "./pages/request";
import { Sessions } from "./pages/sessions";
import { Storage } from "./pages/storage";
import { Timeline } from "./pages/timeline";
import { WorkerPage } from "./pages/worker";
import { Workers } from "./pages/workers";
import { State } from "./parts/bits";
import { href, route } from "./route";
import { choose, theme, type Theme } from "./theme";
import { useValue } from "./value";

const PLACES = [
    ["", "Overview"],
    ["workers", "Workers"],
    ["tasks", "Tasks"],
    ["sessions", "Sessions"],
    ["timeline", "Timeline"],
    ["storage", "Storage"],
    ["logs", "Logs"],
    ["about", "About"],
] as const;

function Page({ path }: { path: readonly string[] }) {
    const [place = "", name, part] = path;
    const number = Number(name);
    switch (place) {
        case "":
            return <Overview />;
        case "workers":
            return name === undefined ? <Workers /> : <WorkerPage key={number} worker={number} />;
        case "tasks":
            if (name === undefined) return <Requests />;
            return part === "graph" ? (
                <GraphPage key={number} request={number} />
            ) : (
                <RequestPage key={number} request={number} />
            );
        case "sessions":
            return <Sessions />;
        case "timeline":
            return <Timeline />;
        case "storage":
            return <Storage />;
        case "logs":
            return <Logs />;
        case "about":
            return <About />;
        default:
            return <p class="empty">There is no such page.</p>;
    }
}

function Connection() {
    const now = useValue(connection);
    const words = {
        connecting: "Connecting …",
        live: "Live",
        paused: "Paused",
        lost: now.state === "lost" ? now.why : "",
    }[now.state];
    const mark = { connecting: "empty", live: "good", paused: "empty", lost: "bad" }[now.state];
    return (
        <p class="connection" role="status">
            <State state={mark} words={words} />
        </p>
    );
}

function Themes() {
    const chosen = useValue(theme);
    return (
        <label class="themes">
            Colours{" "}
            <select value={chosen} onChange={(event) => choose(event.currentTarget.value as Theme)}>
                <option value="system">as the system</option>
                <option value="light">light</option>
                <option value="dark">dark</option>
            </select>
        </label>
    );
}

function SignIn({ why }: { why: string }) {
    const [fault, setFault] = useState(why);
    const field = useRef<HTMLInputElement>(null);
    useEffect(() => field.current!.focus(), []);
    const submit = async (event: Event) => {
        event.preventDefault();
        try {
            await signIn(field.current!.value.trim());
        } catch (error) {
            setFault((error as Error).message);
        }
    };
    return (
        <main class="signin">
            <h1>Mars</h1>
            <form onSubmit={(event) => void submit(event)}>
                <label for="token">The cluster's token</label>
                <input id="token" type="password" autocomplete="current-password" required ref={field} />
                <button type="submit" class="first">
                    Sign in
                </button>
                {fault && (
                    <p class="notice bad" role="alert">
                        {fault}
                    </p>
                )}
            </form>
            <p>
                The log of the web service (<code>journalctl -u mars-web</code>) has a link that signs in once without
                it.
            </p>
        </main>
    );
}

function Frame() {
    const { path } = useValue(route);
    const { data } = useTopic("overview");
    const worst =
        data &&
        (data.checks.find((check) => check.status === "bad") ??
            data.checks.find((check) => check.status === "warning"));
    const title = PLACES.find(([place]) => place === (path[0] ?? ""))?.[1] ?? "Mars";
    useEffect(() => {
        document.title = path[0] === undefined ? "Mars" : `${title} – Mars`;
        document.querySelector("nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
    }, [title]);
    const main = useRef<HTMLElement>(null);
    return (
        <>
            <a
                class="skip"
                href="#main"
                onClick={(event) => {
                    event.preventDefault();
                    main.current!.focus();
                }}
            >
                To the page
            </a>
            <nav aria-label="Pages">
                <a class="brand" href={href([])}>
                    <img src="icon.svg" alt="" width="22" height="22" /> Mars
                </a>
                <ul>
                    {PLACES.map(([place, words]) => (
                        <li key={place}>
                            <a
                                href={href(place ? [place] : [])}
                                aria-current={place === (path[0] ?? "") ? "page" : undefined}
                            >
                                {words}
                            </a>
                        </li>
                    ))}
                </ul>
                <div class="foot">
                    <Connection />
                    <Themes />
                </div>
            </nav>
            <main id="main" ref={main} tabIndex={-1}>
                {worst && path.length > 0 && (
                    <p class={`notice ${worst.status}`}>
                        <State state={worst.status} words={worst.text} />
                    </p>
                )}
                <Page path={path} />
            </main>
        </>
    );
}

function App({ why }: { why: string }) {
    return useValue(signedOut) ? <SignIn why={why} /> : <Frame />;
}

/** #/login/CODE, of a link that signs in once: the code is not kept in the history of the browser. */
async function begin(): Promise<void> {
    const [place, code] = route.get().path;
    let why = "";
    if (place === "login") {
        history.replaceState(null, "", href([]));
        route.set({ path: [], query: new URLSearchParams() });
        await signInOnce(code ?? "").catch((error: Error) => {
            why = error.message;
        });
    }
    render(<App why={why} />, document.body);
}

void begin();
