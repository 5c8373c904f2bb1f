// SPDX-License-Identifier: Apache-2.0
// Bytes a second that go over networks and disks, of a worker or of all, in the same colours wherever they are shown.
import type { WorkerHistory } from "../contract";
import { UNITS } from "../format";
import { Chart } from "./chart";

type Moved = Pick<WorkerHistory, "time" | "received_bytes" | "sent_bytes" | "disk_written_bytes" | "disk_read_bytes">;

const LEAST = 1024; // of the scale, so that a few bytes are not a mountain

export function Traffic({ network, history }: { network: string; history: Moved }) {
    return (
        <>
            <Chart
                title={network}
                unit={UNITS.rate}
                time={history.time}
                least={LEAST}
                lines={[
                    { label: "received", colour: "--blue", values: history.received_bytes },
                    { label: "sent", colour: "--orange", values: history.sent_bytes },
                ]}
            />
            <Chart
                title="Disk"
                unit={UNITS.rate}
                time={history.time}
                least={LEAST}
                lines={[
                    { label: "written", colour: "--blue", values: history.disk_written_bytes },
                    { label: "read back", colour: "--orange", values: history.disk_read_bytes },
                ]}
            />
        </>
    );
}
