"""Segments join in any order to the same summary, byte for byte."""

from __future__ import annotations

import json
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trysquare.dtypes import FLOAT16, FLOAT32
from trysquare.record_form import decode, encode
from trysquare.sweep.extremes import Answers
from trysquare.sweep.segment import Interval, Segment, joined, whole
from trysquare.sweep.tally import Kind, Tally, amended, distance

HALF = 1 << 31
SMALL = 64
"""Numbers of a block of these tests."""


def answers(first: int, noise: np.ndarray) -> Answers:
    """Answers at consecutive numbers near 1, off by so many ULP; those off by 0 are left out."""
    positions = np.arange(first, first + len(noise))
    rounded = FLOAT32.patterns(positions)
    got = (rounded.astype(np.int64) + noise).astype(np.uint32)
    value = FLOAT32.widen(FLOAT32.from_bits(rounded))
    unlike = np.flatnonzero(noise)
    return Answers(positions, got, rounded, value).only(unlike)


def segment(first: int, noise: np.ndarray, limits: tuple[float, float] = (2.0, 4.0)) -> Segment:
    """What a tally makes of them, block by block; in between the limits odd answers diverge."""
    tally = Tally(FLOAT32, first, first + len(noise), flushes=False)
    for start in range(0, len(noise), SMALL):
        some = answers(first + start, noise[start : start + SMALL])
        if len(some.got):
            tally.add(some, np.array(limits))
        tally.settle(lambda positions, _: positions % 2 == 1)
    return tally.finished()


ONE = int(FLOAT32.positions(np.array(0x3F800100, np.uint32)))
"""A little more than 1, so that nothing is off by so much that it falls below."""


@given(st.lists(st.integers(-6, 6), min_size=8 * SMALL, max_size=8 * SMALL), st.randoms())
def test_segments_join_in_any_order(noise: list[int], random: Random) -> None:
    wrong = np.array(noise)
    cuts = sorted(random.sample(range(1, 8), 3))
    edges = [0, *(cut * SMALL for cut in cuts), len(wrong)]
    parts = [segment(ONE + a, wrong[a:b]) for a, b in pairwise(edges)]
    random.shuffle(parts)
    together = whole(parts)
    assert text(together) == text(segment(ONE, wrong))
    halves = whole([*joined(parts[:2]), *joined(parts[2:])])
    assert text(halves) == text(together)


def text(one: Segment) -> str:
    return json.dumps(encode(one, Segment))


@given(st.lists(st.sampled_from([0, 0, 0, 3, 5, -7]), min_size=SMALL, max_size=SMALL))
def test_intervals_are_those_of_a_plain_count(noise: list[int]) -> None:
    found = segment(ONE, np.array(noise), (4.0, 4.0))
    runs, start = [], None
    for place, off in enumerate([*noise, 0]):
        if abs(off) > 4 and start is None:
            start = place
        if abs(off) <= 4 and start is not None:
            runs.append(Interval(ONE + start, ONE + place))
            start = None
    assert found.intervals == len(runs)
    assert found.first == (runs[0] if runs else None)
    assert found.widest == min(runs, key=lambda one: one.rank, default=None)
    assert found.failed == sum(abs(off) > 4 for off in noise)


def test_a_segment_reads_back_as_it_was_written() -> None:
    one = segment(ONE, np.random.default_rng(1).integers(-6, 7, 8 * SMALL))
    assert decode(json.loads(text(one)), Segment) == one


def test_what_was_swept_twice_is_an_error() -> None:
    one = segment(ONE, np.zeros(SMALL, int))
    with pytest.raises(ValueError, match="swept twice"):
        joined([one, one])


def test_a_gap_is_an_error() -> None:
    parts = [segment(ONE, np.zeros(SMALL, int)), segment(ONE + 2 * SMALL, np.zeros(SMALL, int))]
    with pytest.raises(ValueError, match="not one range"):
        whole(parts)


def test_every_error_is_counted_by_its_size() -> None:
    found = segment(ONE, np.array([0, 1, -1, 2, 3, -4, 5, 0]))
    assert found.inexact == 6
    assert dict(found.powers) == {0: 2, 1: 2, 2: 2}
    assert found.total == (1 - 1 + 2 + 3 - 4 + 5) * 65536
    assert [(one.position - ONE, one.ulp) for one in found.worst] == [
        (6, 5), (5, -4), (4, 3), (3, 2), (1, 1), (2, -1),
    ]  # fmt: skip


def outcome(got: float, truth: float, *, flushes: bool = False) -> Segment:
    """What one answer is counted as."""
    bits, rounded = (np.array([value], np.float32).view(np.uint32) for value in (got, truth))
    tally = Tally(FLOAT32, ONE, ONE + 1, flushes=flushes)
    tally.add(Answers(np.array([ONE]), bits, rounded, np.array([truth])), np.array([0.5, 1e9]))
    tally.settle(lambda positions, _: np.ones(len(positions), bool))
    return tally.finished()


@pytest.mark.parametrize(
    ("got", "truth", "kind"),
    [
        (np.nan, 1.0, Kind.NAN),
        (1.0, np.nan, Kind.NAN),
        (np.inf, 1.0, Kind.INFINITY),
        (np.inf, -np.inf, Kind.INFINITY),
        (1.0, np.inf, Kind.INFINITY),
        (0.0, 1.0, Kind.LOST),
        (-0.0, 1e-40, Kind.LOST),
    ],
)
def test_what_is_no_number_is_an_outcome_of_its_own(got: float, truth: float, kind: Kind) -> None:
    found = outcome(got, truth)
    assert {name: one.count for name, one in found.discrete.items()} == {kind: 1}
    assert (found.inexact, found.failed) == (1, 1)
    assert bool(found.worst) == (kind is Kind.LOST)


def test_a_zero_with_another_sign_is_told_and_is_no_error() -> None:
    found = outcome(-0.0, 0.0)
    assert {name: one.count for name, one in found.discrete.items()} == {Kind.SIGN: 1}
    assert (found.inexact, found.failed, found.worst) == (0, 0, ())


def test_nan_is_nan_whatever_its_bits() -> None:
    got, rounded = (np.array([bits], np.uint32) for bits in (0xFFC00001, 0x7FC00000))
    tally = Tally(FLOAT32, ONE, ONE + 1, flushes=False)
    tally.add(Answers(np.array([ONE]), got, rounded, np.array([np.nan])), np.zeros(2))
    assert tally.finished() == Segment(ONE, ONE + 1)


def test_what_a_target_flushes_by_its_own_account_has_no_size() -> None:
    found = outcome(0.0, 1e-40, flushes=True)
    assert {name: one.count for name, one in found.discrete.items()} == {Kind.FLUSHED: 1}
    assert found.worst == ()


def test_a_number_without_an_answer_is_counted() -> None:
    tally = Tally(FLOAT32, ONE, ONE + 2 * SMALL, flushes=False)
    tally.miss(ONE + SMALL, SMALL, "crashed", "later")
    tally.miss(ONE, SMALL, "timed out", "first")
    found = tally.finished().silence
    assert found is not None
    assert (found.count, found.first, found.message) == (2 * SMALL, ONE, "first")


def test_a_neighbour_of_the_rounded_truth_is_half_an_ulp_away() -> None:
    before = Segment(ONE, ONE + 4)
    got = np.array([0x3F800001, 0x3F800001], np.uint32)
    rounded = np.array([0x3F800000, 0x3F800001], np.uint32)
    halfway = np.full(2, 1 + 2.0**-24)
    found = amended(before, Answers(np.array([ONE, ONE + 1]), got, rounded, halfway), FLOAT32)
    assert (found.inexact, found.failed, found.worst[0].ulp) == (1, 0, 0.5)


@pytest.mark.parametrize("format", [FLOAT32, FLOAT16])
def test_the_fast_distance_is_the_plain_one(format: object) -> None:
    assert format in (FLOAT32, FLOAT16)
    random = np.random.default_rng(3)
    form = FLOAT32 if format is FLOAT32 else FLOAT16
    value = form.from_ordinal(random.integers(-(2**14), 2**14, 500)) * (
        1 + random.normal(0, 1e-5, 500)
    )
    got = form.round(value * (1 + random.normal(0, 1e-3, 500)))
    assert np.array_equal(distance(got, value, form), (got - value) / form.ulp(value))
