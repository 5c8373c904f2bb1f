# SPDX-License-Identifier: Apache-2.0
"""Results larger than memory, watched from outside.

    meson devenv -C build python3 ../bench/larger-than-memory.py [--gib 8] [--cache-mem 256m] [--phy-mem 1g]
                                                                 [--hugepages try|on|off] [--workers N] [--only NAME]

Every case runs in a process of its own, in a memory control group (v1, needs root) whose limit is phy_mem: what passes
it is killed. With --workers it is a cluster of so many workers, each with that cache_mem and phy_mem, whose scheduler,
workers and client are all in the group; its limit is that of all workers. This process looks at it a hundred times a
second: private and file pages of every process (RssAnon + RssFile), and the memory files, which the group counts once
however many map them; and what the control group counts itself, file cache without. Reserved huge pages are in
neither: what the pool has given is added to both. It must have been filled (sysctl vm.nr_hugepages), and nobody else
may take of it meanwhile. The hard limit is 90 % of phy_mem. The answer is compared with what is known of it; bits are
compared by tests/laws/test-spilling.c.
"""

import argparse
import contextlib
import glob
import json
import os
import pathlib
import subprocess
import sys
import time

GROUPS = pathlib.Path("/sys/fs/cgroup/memory")
POOLS = pathlib.Path("/sys/kernel/mm/hugepages")
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


def times(size, n):
    """n times a size as people write it."""
    number = size.rstrip("bBiIkKmMgGtT")
    return f"{float(number) * n:g}{size[len(number):]}"


@contextlib.contextmanager
def session_of(args):
    """The session, and what tells the words for its pages."""
    from mars.deploy.local import new_cluster
    from mars.session import new_session

    if args.workers == 0:
        with new_session(cache_mem=args.cache_mem, phy_mem=args.phy_mem, spill_dir=args.spill_dir,
                         hugepages=args.hugepages) as session:
            yield session, lambda: session.stats()["pages_text"]
        return
    with new_cluster(args.workers, shared_memory=times(args.cache_mem, args.workers),
                     phy_mem=times(args.phy_mem, args.workers), spill_dir=args.spill_dir,
                     hugepages=args.hugepages) as cluster:
        show = ["marsctl", "-s", cluster.endpoint, "--json", "workers"]
        yield cluster.session, lambda: json.loads(subprocess.check_output(show))[0]["pages"]


def child(args):
    import mars.tensor as mt

    with session_of(args) as (session, pages_text):
        begin = time.perf_counter()
        right, value = CASES[args.child](mt, session, int(args.gib * 2**27))
        seconds = time.perf_counter() - begin
        print(json.dumps({"seconds": seconds, "right": bool(right), "value": float(value), "pages": pages_text()}))


def numbers(path):
    """Of a file of names and numbers: those that are one."""
    pairs = (line.replace(":", " ").split() for line in open(path))
    return {words[0]: int(words[1]) for words in pairs if len(words) > 1 and words[1].isdigit()}


def own_bytes(group):
    """Pages of all processes of a group that are in no memory file."""
    total = 0
    for pid in (group / "cgroup.procs").read_text().split():
        try:
            status = numbers(f"/proc/{pid}/status")
        except OSError:
            continue  # it has ended
        total += (status.get("RssAnon", 0) + status.get("RssFile", 0)) << 10
    return total


def reserved_bytes():
    """What reserved pages of all sizes are in use."""
    return sum((int((pool / "nr_hugepages").read_text()) - int((pool / "free_hugepages").read_text())) *
               (int(pool.name.removeprefix("hugepages-").removesuffix("kB")) << 10) for pool in POOLS.iterdir())


def file_bytes(spill_dir):
    return sum(os.stat(path).st_blocks * 512 for path in glob.glob(f"{spill_dir}/mars-*-*/extents"))


class Most:
    """The most that was seen of each quantity, over all looks."""

    def __init__(self):
        self.resident = self.counted = self.reserved = self.spilled = 0

    def look(self, group, before, spill_dir):
        stat = numbers(group / "memory.stat")
        reserved = reserved_bytes() - before
        self.resident = max(self.resident, own_bytes(group) + stat["total_shmem"] + reserved)
        self.counted = max(self.counted, stat["total_rss"] + max(stat["total_mapped_file"], stat["total_shmem"]) +
                           reserved)
        self.reserved = max(self.reserved, reserved)
        self.spilled = max(self.spilled, file_bytes(spill_dir))


def watch(name, args):
    group = GROUPS / f"larger-than-memory-{os.getpid()}"
    before = reserved_bytes()
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(times(args.phy_mem, max(args.workers, 1)))
        command = [sys.executable, __file__, "--child", name]
        for option in ("gib", "cache_mem", "phy_mem", "hugepages", "workers", "spill_dir"):
            command += [f"--{option.replace('_', '-')}", str(getattr(args, option))]
        process = subprocess.Popen(["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh", *command],
                                   stdout=subprocess.PIPE, text=True)
        most = Most()
        while process.poll() is None:
            most.look(group, before, args.spill_dir)
            time.sleep(0.01)
        out = process.communicate()[0]
        killed = numbers(group / "memory.oom_control").get("oom_kill", 0)
        limit = int((group / "memory.limit_in_bytes").read_text())
    finally:
        while (group / "cgroup.procs").read_text():
            time.sleep(0.01)  # the last daemons end with their lifeline
        group.rmdir()
    said = json.loads(out.splitlines()[-1]) if process.returncode == 0 else {}
    print(f"{name}: {CASES[name].__doc__}")
    if not said:
        print(f"    ended with {process.returncode}, {killed} killed")
        return False
    print(f"    {said['seconds']:.1f} s, {'right' if said['right'] else 'WRONG'} ({said['value']:.6g}); at most "
          f"{most.resident / 2**20:.0f} MiB resident, {most.counted / 2**20:.0f} MiB in the control group, "
          f"{most.reserved / 2**20:.0f} MiB of both in reserved pages; hard limit {limit * 0.9 / 2**20:.0f} MiB; "
          f"{killed} killed; {most.spilled / 2**20:.0f} MiB of spill files\n"
          f"    {said['pages']}", flush=True)
    return said["right"] and max(most.resident, most.counted) <= limit * 0.9 and killed == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=8)
    parser.add_argument("--cache-mem", default="256m")
    parser.add_argument("--phy-mem", default="1g")
    parser.add_argument("--hugepages", choices=("try", "on", "off"), default="try")
    parser.add_argument("--workers", type=int, default=0, help="0: a session in threads")
    parser.add_argument("--spill-dir", default="/var/tmp")
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
