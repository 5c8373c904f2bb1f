# SPDX-License-Identifier: Apache-2.0
"""Results larger than memory, watched from outside.

    meson devenv -C build python3 ../bench/larger-than-memory.py [--gib 8] [--cache-mem 256m] [--phy-mem 1g]
                                                                 [--hugepages try|on|off] [--only NAME]

Every case runs in a process of its own, in a memory control group (v1, needs root) whose limit is phy_mem: what passes
it is killed. This process looks at it a hundred times a second: resident memory (VmRSS) and what the control group
counts, file cache without. Reserved huge pages are in neither, and are added to both: their pool must have been filled
(sysctl vm.nr_hugepages). The hard limit is 90 % of phy_mem. The answer is compared with what is known of it; bits are
compared by tests/laws/test-spilling.c.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

GROUPS = pathlib.Path("/sys/fs/cgroup/memory")
CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


@case
def standardize(mt, session, n):
    """((x - x.mean(axis=0)) / x.std(axis=0)).sum() of n numbers, made again in each pass"""
    x = mt.random.RandomState(1).rand(n)
    value = session.run(((x - x.mean(axis=0)) / x.std(axis=0)).sum())
    return abs(value) < 1e-3 * n ** 0.5, value


@case
def standardize_executed(mt, session, n):
    """the same, in columns, of x that is executed first and spills"""
    x = mt.random.RandomState(1).rand(n // 1024, 1024)
    session.run(x, fetch=False)
    value = session.run(((x - x.mean(axis=0)) / x.std(axis=0)).sum())
    return abs(value) < 1e-3 * n ** 0.5, value


@case
def transpose_add(mt, session, n):
    """(x + x.T).sum() of a square of half the size, executed first; the sum of x + x.T too"""
    side = int((n / 2) ** 0.5)
    x = mt.random.RandomState(2).rand(side, side)
    session.run(x, fetch=False)
    y = x + x.T
    session.run(y, fetch=False)
    total, twice = session.run(y.sum(), 2 * x.sum())
    return abs(total - twice) <= 1e-12 * abs(twice), total


@case
def sort(mt, session, n):
    """a sort of half of the size, executed first"""
    x = mt.random.RandomState(3).rand(n // 2)
    session.run(x, fetch=False)
    y = mt.sort(x)
    session.run(y, fetch=False)
    ascends, total, before = session.run((y[1:] >= y[:-1]).all(), y.sum(), x.sum())
    return bool(ascends) and abs(total - before) <= 1e-12 * before, total


@case
def product(mt, session, n):
    """a product of two squares of a quarter of the size each, executed first; against the product with a vector"""
    side = int((n / 4) ** 0.5)
    random = mt.random.RandomState(4)
    a, b, v = random.rand(side, side), random.rand(side, side), random.rand(side)
    session.run(a, b, fetch=False)
    c = a @ b
    session.run(c, fetch=False)
    wrong, size = session.run(abs(c @ v - a @ (b @ v)).max(), (c @ v).max())
    return wrong <= 1e-11 * size, wrong / size


@case
def qr(mt, session, n):
    """Q and R of a tall matrix with 64 columns and half of the size, executed first"""
    x = mt.random.RandomState(5).rand(n // 128, 64)
    session.run(x, fetch=False)
    q, r = mt.linalg.qr(x)
    session.run(q, r, fetch=False)
    wrong, skew = session.run(abs(q @ r - x).max(), abs(q.T @ q - mt.eye(64)).max())
    return wrong < 1e-10 and skew < 1e-12, wrong


def child(args):
    import mars.tensor as mt
    from mars.session import new_session

    with new_session(cache_mem=args.cache_mem, phy_mem=args.phy_mem, spill_dir=args.spill_dir,
                     hugepages=args.hugepages) as session:
        begin = time.perf_counter()
        right, value = CASES[args.child](mt, session, int(args.gib * 2**27))
        seconds = time.perf_counter() - begin
        print(json.dumps({"seconds": seconds, "right": bool(right), "value": float(value), "stats": session.stats()}))


def resident(pid):
    """What is in pages that the control group counts, and in reserved ones."""
    bytes_of = {"VmRSS": 0, "HugetlbPages": 0}
    for line in open(f"/proc/{pid}/status"):
        name, _, rest = line.partition(":")
        if name in bytes_of:
            bytes_of[name] = int(rest.split()[0]) << 10
    return bytes_of["VmRSS"], bytes_of["HugetlbPages"]


def counted(group):
    numbers = dict(line.split() for line in open(group / "memory.stat"))
    return int(numbers["total_rss"]) + int(numbers["total_mapped_file"])


def watch(name, args):
    group = GROUPS / f"larger-than-memory-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(args.phy_mem)
        command = [sys.executable, __file__, "--child", name, "--gib", str(args.gib), "--cache-mem", args.cache_mem,
                   "--phy-mem", args.phy_mem, "--hugepages", args.hugepages]
        command += ["--spill-dir", args.spill_dir] if args.spill_dir else []
        process = subprocess.Popen(["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command],
                                   stdout=subprocess.PIPE, text=True)
        most, most_counted, most_reserved = 0, 0, 0
        while process.poll() is None:
            try:
                common, reserved = resident(process.pid)
            except OSError:
                break
            most = max(most, common + reserved)
            most_counted = max(most_counted, counted(group) + reserved)
            most_reserved = max(most_reserved, reserved)
            time.sleep(0.01)
        out = process.communicate()[0]
        killed = next((int(line.split()[1]) for line in open(group / "memory.oom_control")
                       if line.startswith("oom_kill ")), 0)
        limit = int((group / "memory.limit_in_bytes").read_text())
    finally:
        group.rmdir()
    said = json.loads(out.splitlines()[-1]) if process.returncode == 0 else {}
    print(f"{name}: {CASES[name].__doc__}")
    if not said:
        print(f"    ended with {process.returncode}, {killed} killed")
        return False
    stats = said["stats"]
    print(f"    {said['seconds']:.1f} s, {'right' if said['right'] else 'WRONG'} ({said['value']:.6g}); at most "
          f"{most / 2**20:.0f} MiB resident, {most_counted / 2**20:.0f} MiB in the control group, "
          f"{most_reserved / 2**20:.0f} MiB of both in reserved pages; hard limit {limit * 0.9 / 2**20:.0f} MiB; "
          f"{killed} killed; {stats['spilled']} chunks written, {stats['returned']} read back\n"
          f"    {stats['pages_text']}")
    return said["right"] and max(most, most_counted) <= limit * 0.9 and killed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=8)
    parser.add_argument("--cache-mem", default="256m")
    parser.add_argument("--phy-mem", default="1g")
    parser.add_argument("--hugepages", choices=("try", "on", "off"), default="try")
    parser.add_argument("--spill-dir")
    parser.add_argument("--only")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args)
        return
    if not os.access(GROUPS, os.W_OK):
        sys.exit(f"{GROUPS} cannot be written: this needs a memory control group of its own (v1, root)")
    results = [watch(name, args) for name in CASES if args.only in (None, name)]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
