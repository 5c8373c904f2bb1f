// SPDX-License-Identifier: Apache-2.0
// Dark, light, or as the system has it. Colours are in app.css alone; canvases ask for them by name.
import { Value } from "./value";

export type Theme = "system" | "light" | "dark";

const KEY = "mars-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

function stored(): Theme {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : "system";
}

function apply(choice: Theme): void {
    document.documentElement.dataset["theme"] = choice === "system" ? (dark.matches ? "dark" : "light") : choice;
}

export const theme = new Value<Theme>(stored());
/** Counts changes of colours: what is painted with them is painted anew. */
export const painted = new Value(0);

export function choose(choice: Theme): void {
    if (choice === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
    theme.set(choice);
    apply(choice);
    painted.set(painted.get() + 1);
}

dark.addEventListener("change", () => choose(theme.get()));
apply(theme.get());

/** The value of a custom property of app.css, such as --ink. */
export function colour(name: string): string {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
