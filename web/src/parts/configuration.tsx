// SPDX-License-Identifier: Apache-2.0
// What a daemon was told, and by whom.
import type { Configuration } from "../contract";

export function ConfigurationTable({ told }: { told: Configuration }) {
    return (
        <div class="scroll short" tabIndex={0} role="region" aria-label={`Configuration of ${told.program}`}>
            <table>
                <thead>
                    <tr>
                        <th scope="col">Key</th>
                        <th scope="col">Value</th>
                        <th scope="col">From</th>
                    </tr>
                </thead>
                <tbody>
                    {told.values.map((value) => (
                        <tr key={value.name}>
                            <td class="mono">{value.name}</td>
                            <td class="mono">{value.value}</td>
                            <td class={value.origin === "default" ? "soft" : ""}>{value.origin}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}
