# SPDX-License-Identifier: Apache-2.0
"""Sessions with little memory: how they are told, and that results larger than it are what they should be."""
import logging
import pathlib
import time

import numpy as np
import pytest

import mars.tensor as mt
from mars.errors import SpillFull
from mars.session import new_session


def numbers():
    return mt.random.RandomState(4).rand(2048, 1024)  # 16 MiB


@pytest.fixture(scope="module")
def expected():
    with new_session(n_threads=2, memory_bytes=1 << 30) as enough:
        return enough.run(numbers())


@pytest.mark.parametrize("options", [
    {"memory_bytes": 4 << 20},
    {"cache_mem": "4m"},
    {"cache_mem": 4 << 20, "phy_mem": "2g"},
    {"cache_mem": "4MiB", "phy_mem": "50%", "disk": "1g"},
    {"cache_mem": "4m", "hugepages": "off", "spill_codec": "auto"},
], ids=repr)
def test_results_larger_than_memory_are_the_same(options, expected, tmp_path):
    with new_session(n_threads=2, spill_dir=tmp_path, **options) as small:
        x = numbers()
        small.run(x, fetch=False)
        assert small.stats()["away_bytes"] > 8 << 20
        np.testing.assert_array_equal(small.fetch(x), expected)
        np.testing.assert_array_equal(small.run(x.T + 1), expected.T + 1)
        assert small.stats()["used_bytes"] <= 4 << 20
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name, program", [
    ("concatenations of concatenations", lambda m, x: m.block([[x, x], [x, x]])),
    ("a vector in which all elements are looked for", lambda m, x: m.searchsorted(m.arange(4096) / 4096, x)),
    ("an exchange of rows and columns", lambda m, x: m.vstack([x.T, 1 - x.T])),
], ids=lambda v: v if isinstance(v, str) else "")
def test_inputs_of_four_times_the_memory_are_enough_for(name, program, expected):
    with new_session(n_threads=2, cache_mem="4m") as small:
        made = small.run(program(mt, numbers()))
        np.testing.assert_array_equal(made, program(np, expected))
        assert small.stats()["tasks_done"] < 5000


def test_several_directories_are_used(expected, tmp_path):
    parts = [tmp_path / "a", tmp_path / "b"]
    for part in parts:
        part.mkdir()
    with new_session(cache_mem="4m", spill_dir=parts) as small:
        x = numbers()
        np.testing.assert_array_equal(small.run(x), expected)
        assert all(list(pathlib.Path(part).iterdir()) for part in parts)


def test_full_disk_is_an_exception_and_the_session_lives_on(tmp_path):
    with new_session(cache_mem="4m", disk="1m", spill_dir=tmp_path) as small:
        kept = [mt.random.RandomState(k).rand(400_000, chunk_size=50_000) for k in range(2)]
        small.run(kept[0], fetch=False)
        with pytest.raises(SpillFull, match="nothing more can be written"):
            small.run(kept[1], fetch=False)
        assert small.run(mt.ones(10).sum()) == 10


@pytest.mark.parametrize("options, words", [
    ({"cache_mem": "much"}, "cache_mem"),
    ({"phy_mem": "1m"}, "phy_mem"),
    ({"cache_mem": "1g", "phy_mem": "1g"}, "leaves for chunks"),
    ({"disk": "10%"}, "disk"),
    ({"memory_bytes": 1 << 20, "cache_mem": "1m"}, "memory_bytes"),
    ({"hugepages": "maybe"}, "hugepages is 'try', 'on' or 'off'"),
    ({"hugepage_size": "large"}, "hugepage_size"),
    ({"hugepage_size": "3m"}, "no huge pages of 3.00 MiB"),
    ({"hugepages": "off", "hugepage_size": "2M"}, "hugepages are 'off'"),
    ({"spill_codec": "gzip"}, "spill_codec is"),
])
def test_sizes_that_mean_nothing_are_refused_with_the_name_of_the_option(options, words):
    with pytest.raises(ValueError, match=words):
        new_session(**options)


def test_task_that_can_never_fit_is_refused_when_it_is_submitted():
    with new_session(memory_bytes=1 << 20) as small:
        a = mt.random.RandomState(1).rand(1000, 1000, chunk_size=1000)
        with pytest.raises(MemoryError, match="bytes are needed at a time"):
            small.run(mt.linalg.cholesky(a @ a.T))
        assert small.stats()["tasks_done"] == 0


@pytest.mark.parametrize("options, words", [
    ({"cache_mem": "4m", "disk": "0"}, "have 7.28 TiB, and memory and disks have room for 4.00 MiB"),
    ({"cache_mem": "4m", "disk": "1g"}, "room for 1.00 GiB"),
    ({"cache_mem": "4m", "spill_dir": "/var/tmp"}, "room for"),
    ({}, "room for"),
])
def test_results_that_there_will_never_be_room_for_are_refused_when_they_are_submitted(options, words):
    with new_session(n_threads=2, **options) as small:
        start = time.monotonic()
        with pytest.raises(SpillFull, match=words):
            small.run(mt.sort(mt.ones(10**12)), fetch=False)
        assert small.stats()["tasks_done"] == 0 and time.monotonic() - start < 5
        x = mt.ones(300_000)
        assert small.run(x.sum(), fetch=False) is None and small.run(*[x] * 3, fetch=False) is None


def test_results_that_may_shrink_on_disk_are_not_refused():
    with new_session(cache_mem="4m", disk="1m", spill_codec="zstd") as small:
        assert small.run(mt.ones(10**6).sum()) == 10**6
        small.run(mt.zeros(10**6), fetch=False)


def test_reserved_pages_that_are_not_there_are_refused_with_both_numbers():
    with pytest.raises(MemoryError, match="1.00 TiB of reserved huge pages are needed and .* are free"):
        new_session(memory_bytes=1 << 40, hugepages="on")


def test_what_a_session_has_to_say_is_logged_once(caplog, tmp_path):
    caplog.set_level(logging.INFO, "mars")
    with new_session(cache_mem="4m", hugepages="off", spill_dir=tmp_path) as small:
        for _ in range(2):
            small.run(numbers(), fetch=False)
        assert small.stats()["pages_text"] == "small pages (anonymous), as configured"
    said = [(record.levelno, record.message) for record in caplog.records if record.name == "mars"]
    assert said[0] == (logging.INFO, "small pages (anonymous), as configured")
    assert len(said) == 2 and said[1][1].startswith("spilling with")


@pytest.mark.parametrize("shapes, dtype", [(((2, 1500, 3500), (2, 3500, 1500)), "f8"),
                                           (((1100, 2500), (2500, 1100)), "c16"),
                                           (((3, 900, 4100), (4100, 2100)), "f8")])
def test_products_by_squares_are_those_of_numpy(shapes, dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-4, 5, shape).astype(dtype) for shape in shapes)  # every order of additions is exact
    assert np.array_equal(mt.matmul(mt.tensor(a, chunk_size=1000), mt.tensor(b, chunk_size=700)).to_numpy(), a @ b)


def test_products_of_float16_by_squares_are_rounded_once():
    rng = np.random.default_rng(0)
    a, b = (rng.random(shape).astype("f2") - np.float16(0.5) for shape in ((600, 30000), (30000, 600)))
    got = mt.matmul(a, b).to_numpy()
    assert got.dtype == np.float16
    assert np.allclose(got, a.astype("f8") @ b.astype("f8"), rtol=1e-3, atol=1e-2)
