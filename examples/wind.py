#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the wind blows strongest: ERA-Interim monthly means of January and July at three levels.

    python3 wind.py [directory for the results]

Computes the wind speed of every grid point, its mean over longitude for each month and level, and the strongest winds
and where they are; writes wind_speed.npy, wind_zonal_mean.npy and wind.png, and prints our times beside NumPy's.
"""
import pathlib
import sys
import time

import numpy as np

import mars.tensor as mt

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data"
MONTHS = ("January", "July")
LEVELS = (200, 500, 850)  # hPa


def timed(function, rounds=7):
    """The result of function() and the best of its times, in seconds; the first call, which touches memory, is not
    counted."""
    result = function()
    best = min(_seconds(function) for _ in range(rounds))
    return result, best


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compute(xp, u, v):
    """Speed, its mean over longitude, and the strongest wind of each month and level: its speed and its place on the
    grid."""
    speed = xp.sqrt(u * u + v * v)
    flat = speed.reshape((len(MONTHS), len(LEVELS), -1))
    return speed, speed.mean(axis=3), flat.max(axis=2), flat.argmax(axis=2)


def draw(path, speed, latitude, longitude, zonal, places):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(13, 8.2), layout="constrained")
    grid = figure.add_gridspec(3, 3, width_ratios=(5, 5, 2.2))
    for row, level in enumerate(LEVELS):
        maps = []
        for column, month in enumerate(MONTHS):
            axes = figure.add_subplot(grid[row, column])
            maps.append(axes)
            field = axes.pcolormesh(
                longitude,
                latitude,
                speed[column, row],
                cmap="viridis",
                vmin=0,
                vmax=float(speed[:, row].max()),
                shading="auto",
                rasterized=True,
            )
            y, x = divmod(int(places[column, row]), len(longitude))
            left = longitude[x] < longitude.mean()
            axes.plot(
                longitude[x],
                latitude[y],
                marker="o",
                markersize=9,
                markerfacecolor="none",
                markeredgecolor="white",
                markeredgewidth=1.6,
            )
            axes.annotate(
                f"{speed[column, row, y, x]:.0f} m/s",
                (longitude[x], latitude[y]),
                xytext=(9 if left else -9, -14),
                textcoords="offset points",
                color="white",
                ha="left" if left else "right",
            )
            axes.set_yticks((-60, -30, 0, 30, 60), ("60°S", "30°S", "0°", "30°N", "60°N"))
            axes.set_xticks((-120, -60, 0, 60, 120), ("120°W", "60°W", "0°", "60°E", "120°E"))
            axes.set_title(f"{month}, {level} hPa", fontsize=10)
        figure.colorbar(field, ax=maps, location="right", shrink=0.9, aspect=18, pad=0.01, label="m/s")
        axes = figure.add_subplot(grid[row, 2])
        for column, (month, colour) in enumerate(zip(MONTHS, ("#0072b2", "#d55e00"))):
            axes.plot(zonal[column, row], latitude, color=colour, label=month)
        axes.set_xlim(0, float(zonal[:, row].max()) * 1.05)
        axes.set_ylim(-90, 90)
        axes.set_yticks((-60, -30, 0, 30, 60), ("60°S", "30°S", "0°", "30°N", "60°N"))
        axes.grid(alpha=0.3)
        axes.set_title("mean over longitude, m/s", fontsize=10)
        if row == 0:
            axes.legend(frameon=False, fontsize=9)
    figure.suptitle("Wind speed, ERA-Interim monthly means; circles mark the strongest")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "output")
    out.mkdir(parents=True, exist_ok=True)
    latitude, longitude = (np.load(DATA / f"era_interim_{axis}.npy") for axis in ("latitude", "longitude"))
    u, v = (mt.load(DATA / f"era_interim_{name}.npy") for name in "uv")

    results = mt.ExecutableTuple(compute(mt, u, v)).execute()
    speed, zonal, strongest, place = (t.fetch() for t in results)
    for month, name in enumerate(MONTHS):
        for level, pressure in enumerate(LEVELS):
            y, x = divmod(int(place[month, level]), len(longitude))
            print(
                f"{name:8} {pressure} hPa: {strongest[month, level]:5.1f} m/s at {latitude[y]:6.2f}° N, "
                f"{longitude[x]:7.2f}° E; "
                f"mean over longitude up to {zonal[month, level].max():5.1f} m/s at "
                f"{latitude[zonal[month, level].argmax()]:6.2f}° N"
            )

    mt.save(out / "wind_speed.npy", results[0])
    mt.save(out / "wind_zonal_mean.npy", results[1])
    draw(out / "wind.png", speed, latitude, longitude, zonal, place)

    # NumPy on the same data in memory; ours on tensors that are in the session, as its arrays are in memory.
    arrays = [np.load(DATA / f"era_interim_{name}.npy") for name in "uv"]
    held = [mt.tensor(a).execute() for a in arrays]
    theirs, numpy_time = timed(lambda: compute(np, *arrays))
    _, mars_time = timed(lambda: mt.ExecutableTuple(compute(mt, *held)).execute())
    for ours, numpys in zip((speed, zonal, strongest, place), theirs):
        np.testing.assert_allclose(ours, numpys, rtol=1e-5)
    print(
        f"\n{speed.size:,} grid points: Mars {mars_time * 1e3:.2f} ms, NumPy {numpy_time * 1e3:.2f} ms: "
        f"{numpy_time / mars_time:.1f} times as fast"
    )
    print(f"results and picture in {out}")


if __name__ == "__main__":
    main()
