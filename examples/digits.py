#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ten thousand handwritten digits: principal components, then k-means in their space.

    python3 digits.py [directory for the results]

Writes digits_components.npy, digits_labels.npy and digits.png, prints how well clusters and digits agree, and our times
beside NumPy's.
"""

import pathlib
import sys
import time

import numpy as np

import mars.tensor as mt

HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE / "data"
COMPONENTS = 32
CLUSTERS = 16
ROUNDS = 20


def pca(xp, x, eigh):
    """The mean, the first COMPONENTS principal axes (features, COMPONENTS), and the data in their space."""
    mean = x.mean(axis=0)
    centred = x - mean
    covariance = centred.T @ centred / (x.shape[0] - 1)
    _, vectors = eigh(covariance)
    axes = vectors[:, ::-1][:, :COMPONENTS]
    return mean, axes, centred @ axes


def kmeans(xp, points, settle):
    """ROUNDS rounds of Lloyd's algorithm from evenly spaced points; settle() makes an intermediate result a fixed
    one."""
    centres = settle(points[:: points.shape[0] // CLUSTERS][:CLUSTERS] * 1.0)
    for _ in range(ROUNDS):
        distance = (centres * centres).sum(axis=1) - 2 * (points @ centres.T)
        label = distance.argmin(axis=1)
        member = (label[:, None] == xp.arange(CLUSTERS)[None, :]).astype("float64")
        centres = settle((member.T @ points) / xp.maximum(member.sum(axis=0), 1.0)[:, None])
    return settle(label), centres


def run_mars(images):
    x = images.reshape((images.shape[0], -1)) / 255.0
    mean, axes, points = mt.ExecutableTuple(pca(mt, x, mt.linalg.eigh)).execute()
    label, centres = kmeans(mt, points, lambda t: t.execute())
    return mean, axes, points, label, centres


def run_numpy(images):
    x = images.reshape((images.shape[0], -1)) / 255.0
    mean, axes, points = pca(np, x, np.linalg.eigh)
    label, centres = kmeans(np, points, lambda a: a)
    return mean, axes, points, label, centres


def purity(label, truth):
    """The share of digits that have their cluster's most frequent digit."""
    table = np.zeros((CLUSTERS, 10), int)
    np.add.at(table, (label, truth), 1)
    return table.max(axis=1).sum() / len(truth), table.argmax(axis=1)


def draw(path, mean, axes, points, label, truth, centres):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(12, 6), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(3, 2))
    axes_left = left.subplots()
    for digit in range(10):
        chosen = points[truth == digit]
        axes_left.scatter(chosen[:, 0], chosen[:, 1], s=3, alpha=0.5, color=plt.cm.tab10(digit), label=str(digit))
    axes_left.set_xlabel("first principal component")
    axes_left.set_ylabel("second principal component")
    axes_left.legend(markerscale=4, ncols=5, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), title="digit")
    panels = right.subplots(4, 4)
    for panel, centre in zip(panels.flat, centres):
        panel.imshow((mean + axes @ centre).reshape(28, 28), cmap="gray_r", vmin=0, vmax=1)
        panel.set_axis_off()
    right.suptitle(f"the {CLUSTERS} centres of k-means")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def seconds(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE / "output")
    out.mkdir(parents=True, exist_ok=True)
    images, truth = np.load(DATA / "digits_images.npy"), np.load(DATA / "digits_labels.npy")
    tensor = mt.tensor(images).execute()

    run_mars(tensor), run_numpy(images)  # memory is touched, libraries are loaded
    results, mars_time = seconds(lambda: run_mars(tensor))
    theirs, numpy_time = seconds(lambda: run_numpy(images))
    mean, axes, points, label, centres = (t.fetch() for t in results)

    share, names = purity(label, truth)
    print(
        f"{COMPONENTS} components keep "
        f"{points.var(axis=0).sum() / ((images.reshape(len(images), -1) / 255.0).var(axis=0).sum()):.1%} of the "
        f"variance"
    )
    print(
        f"{CLUSTERS} clusters; {share:.1%} of the digits have their cluster's most frequent digit "
        f"({purity(theirs[3], truth)[0]:.1%} by NumPy)"
    )
    print("clusters of", ", ".join(f"{digit}: {np.count_nonzero(names == digit)}" for digit in range(10)))
    mt.save(out / "digits_components.npy", results[1])
    mt.save(out / "digits_labels.npy", results[3])
    draw(out / "digits.png", mean, axes, points, label, truth, centres)
    print(
        f"\nMars {mars_time * 1e3:.0f} ms, NumPy {numpy_time * 1e3:.0f} ms: {numpy_time / mars_time:.1f} times as fast"
    )
    print(f"results and picture in {out}")


if __name__ == "__main__":
    main()
