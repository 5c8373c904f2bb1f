// SPDX-License-Identifier: Apache-2.0
// Answers that no topic carries, since they do not change while somebody looks: asked for once.
import { useEffect, useState } from "preact/hooks";

import { get, type Refusal } from "../api";
import type { News } from "../feed";

export function useAsked<T>(path: string): News<T> {
    const [news, setNews] = useState<News<T>>({});
    useEffect(() => {
        const stop = new AbortController();
        setNews({});
        get<T>(path, stop.signal).then(
            (data) => setNews({ data }),
            (refusal: Refusal) => {
                if (!stop.signal.aborted) setNews({ gone: { status: refusal.status, text: refusal.message } });
            },
        );
        return () => stop.abort();
    }, [path]);
    return news;
}
