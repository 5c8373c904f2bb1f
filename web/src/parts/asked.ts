// SPDX-License-Identifier: Apache-2.0
// Answers that no topic carries: asked for once, or again and again while somebody looks.
import { useEffect, useState } from "preact/hooks";

import { get, type Refusal } from "../api";
import type { News } from "../feed";

/** every: milliseconds from an answer to the next question; 0 is never again. */
export function useAsked<T>(path: string, every = 0): News<T> {
    const [news, setNews] = useState<News<T>>({});
    useEffect(() => {
        const stop = new AbortController();
        let next: ReturnType<typeof setTimeout>;
        const ask = async () => {
            if (!document.hidden)
                try {
                    const data = await get<T>(path, stop.signal);
                    setNews({ data });
                } catch (error) {
                    if (stop.signal.aborted) return;
                    const { status, message } = error as Refusal;
                    setNews((old) => ({ ...old, gone: { status, text: message } }));
                }
            if (every > 0 && !stop.signal.aborted) next = setTimeout(() => void ask(), every);
        };
        setNews({});
        void ask();
        return () => {
            stop.abort();
            clearTimeout(next);
        };
    }, [path, every]);
    return news;
}
