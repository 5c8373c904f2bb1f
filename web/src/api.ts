// SPDX-License-Identifier: Apache-2.0
// Questions to mars-web. Who asks is in a cookie that scripts cannot read; when there is none, `signedOut` is true and
// the pages ask for the token.
import { Value } from "./value";

export const signedOut = new Value(false);

/** What the daemon, or the way to it, had against a request. */
export class Refusal extends Error {
    constructor(
        readonly status: number,
        text: string,
    ) {
        super(text);
    }
}

export function address(path: string): string {
    return new URL(`api/v1/${path}`, document.baseURI.split("#")[0]).href;
}

async function refusal(answer: Response): Promise<Refusal> {
    if (answer.status === 401) signedOut.set(true);
    const said: unknown = await answer.json().catch(() => null);
    const words = (said as { text?: unknown } | null)?.text;
    return new Refusal(answer.status, typeof words === "string" ? words : `${answer.status} ${answer.statusText}`);
}

async function ask(path: string, options: RequestInit): Promise<Response> {
    const answer = await fetch(address(path), options).catch(() => {
        throw new Refusal(0, "The web service does not answer.");
    });
    if (!answer.ok) throw await refusal(answer);
    return answer;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
    const answer = await ask(path, signal ? { signal } : {});
    return (await answer.json()) as T;
}

/** Changes something; the answer is empty. */
export async function change(path: string): Promise<void> {
    await ask(path, { method: "POST" });
}

/** From now on the browser has a cookie that stands for the token. */
export async function signIn(token: string): Promise<void> {
    await ask("login", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
    signedOut.set(false);
}

/** The same for the code of a link that signs in once. */
export async function signInOnce(code: string): Promise<void> {
    await ask("enter", { method: "POST", body: code });
    signedOut.set(false);
}
