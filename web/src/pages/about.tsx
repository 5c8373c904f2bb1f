// SPDX-License-Identifier: Apache-2.0
// Versions, and what the daemons were told.
import { address } from "../api";
import type * as contract from "../contract";
import { useAsked } from "../parts/asked";
import { Await, Facts, Panel } from "../parts/bits";
import { ConfigurationTable } from "../parts/configuration";

export function About() {
    const about = useAsked<contract.About>("about");
    return (
        <>
            <div class="title">
                <h1>About</h1>
            </div>
            <Await news={about}>
                {(said) => (
                    <div class="columns">
                        <Panel title="Versions">
                            <Facts
                                facts={[
                                    ["Web service", said.version],
                                    ["Scheduler", said.scheduler_version ?? "does not answer"],
                                    ["Scheduler's address", said.scheduler],
                                    ["Protocol", String(said.protocol)],
                                    ["Epoch of the scheduler", said.epoch === null ? "–" : String(said.epoch)],
                                    ["libmicrohttpd", said.libmicrohttpd],
                                ]}
                            />
                        </Panel>
                        <Panel title="For programs">
                            <Facts
                                facts={[
                                    ["REST", <a href={address("openapi.json")}>api/{said.api}/openapi.json</a>],
                                    ["Prometheus", <code>metrics</code>],
                                    ["Command line", <code>marsctl --help</code>],
                                    ["Licence", "Apache-2.0"],
                                ]}
                            />
                        </Panel>
                        {said.configurations.map((told) => (
                            <Panel title={`Configuration of ${told.program}`} wide key={told.program}>
                                <ConfigurationTable told={told} />
                            </Panel>
                        ))}
                    </div>
                )}
            </Await>
        </>
    );
}
