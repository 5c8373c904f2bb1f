// SPDX-License-Identifier: Apache-2.0
// A value that tells who uses it when it changes. All state that outlives a page is in some of these.
import { useEffect, useState } from "preact/hooks";

export class Value<T> {
    private readonly users = new Set<() => void>();

    constructor(private current: T) {}

    get(): T {
        return this.current;
    }

    set(next: T): void {
        if (Object.is(next, this.current)) return;
        this.current = next;
        for (const user of [...this.users]) user();
    }

    /** Calls user after each change, until what is returned is called. */
    watch(user: () => void): () => void {
        this.users.add(user);
        return () => void this.users.delete(user);
    }
}

export function useValue<T>(value: Value<T>): T {
    const [, redraw] = useState(0);
    const drawn = value.get();
    useEffect(() => {
        const again = () => redraw((n) => n + 1);
        if (!Object.is(value.get(), drawn)) again(); // it has changed before anybody watched
        return value.watch(again);
    }, [value]);
    return drawn;
}
