// SPDX-License-Identifier: Apache-2.0
// Where we are is the fragment of the address (#/workers/3?sort=cpu): it never reaches a server, so pages work below
// any path of a proxy, and a link to what one looks at can be sent to a colleague.
import { Value } from "./value";

export interface Route {
    readonly path: readonly string[];
    readonly query: URLSearchParams;
}

function parse(): Route {
    const [path = "", query = ""] = location.hash.replace(/^#\/?/, "").split("?");
    return { path: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
}

export const route = new Value<Route>(parse());
addEventListener("hashchange", () => route.set(parse()));

export function href(path: readonly (string | number)[], query: Record<string, string> = {}): string {
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
    return `#/${path.map((part) => encodeURIComponent(part)).join("/")}${search && "?"}${search}`;
}

/** Says in the address what is being looked at, without a step in the browser's history. */
export function note(query: Record<string, string>): void {
    const merged = { ...Object.fromEntries(route.get().query), ...query };
    history.replaceState(null, "", href(route.get().path, merged));
    route.set(parse());
}
