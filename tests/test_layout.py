"""Tensors <-> rows: whatever the axis, a row is what the formula runs along."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trysquare.formula.derivative import Extent
from trysquare.truth.layout import Layout, layout
from workshop import SPECS

BOTH = Extent(rows=True, columns=True)
ROWS = Extent(rows=True, columns=False)
COLUMNS = Extent(rows=False, columns=True)
NEITHER = Extent(rows=False, columns=False)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=1, max_size=4)))
    axis = draw(st.none() | st.integers(0, len(shape) - 1))
    return Layout(shape, axis)


@given(laid=layouts())
def test_rows_lead_back_to_the_tensor(laid: Layout) -> None:
    tensor = np.arange(np.prod(laid.shape)).reshape(laid.shape)
    extent = BOTH if laid.axis is not None else ROWS
    rows = laid.to_rows(tensor, extent)
    assert rows.shape == (laid.rows, laid.columns)
    assert np.array_equal(laid.from_rows(rows, extent), tensor)


@given(laid=layouts())
def test_one_number_for_each_row_has_the_shape_without_the_axis(laid: Layout) -> None:
    assert laid.from_rows(np.zeros((laid.rows, 1)), ROWS).shape == laid.outer


def test_a_row_runs_along_the_axis() -> None:
    tensor = np.array([[[1, 2], [3, 4], [5, 6]]])
    rows = Layout((1, 3, 2), 1).to_rows(tensor, BOTH)
    assert rows.tolist() == [[1, 3, 5], [2, 4, 6]]


def test_one_number_for_each_position_is_a_single_row() -> None:
    laid = Layout((4, 3), 1)
    assert laid.to_rows(np.array([1, 2, 3]), COLUMNS).shape == (1, 3)
    assert laid.shape_of(COLUMNS) == (3,)


def test_what_is_reduced_is_a_scalar() -> None:
    laid = Layout((4, 3), 1)
    assert laid.shape_of(NEITHER) == ()
    assert laid.from_rows(np.array([[7.0]]), NEITHER).shape == ()


def test_an_axis_is_counted_from_the_end() -> None:
    laid = layout(SPECS["softmax"], {"dim": -2}, {"x": np.zeros((2, 3, 4))})
    assert (laid.axis, laid.columns, laid.rows) == (1, 3, 8)


@pytest.mark.parametrize("axis", [2, -3])
def test_an_axis_that_a_tensor_does_not_have_is_refused(axis: int) -> None:
    with pytest.raises(ValueError, match=f"2 dimensions have no axis {axis}"):
        layout(SPECS["softmax"], {"dim": axis}, {"x": np.zeros((2, 3))})


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        layout(SPECS["mse_loss"], {}, {"input": np.zeros(2), "target": np.zeros(3)})


def test_an_index_for_each_row_does_not_widen_the_elements() -> None:
    inputs = {"input": np.zeros((5, 3)), "target": np.zeros(5, np.int64)}
    laid = layout(SPECS["cross_entropy_loss"], SPECS["cross_entropy_loss"].defaults, inputs)
    assert (laid.rows, laid.columns) == (5, 3)
