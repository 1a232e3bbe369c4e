"""What the spec demands of one case: the truth, its alternatives and the limits, computed once.

Every target's answer is compared with the same standard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from trysquare.backend import Want
from trysquare.dtypes import FLOAT64, Array
from trysquare.errors import UndecidedError
from trysquare.formula.derivative import ONE, Extent, gradient
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node
from trysquare.planning.cases import Case, has_infinite
from trysquare.result import Check
from trysquare.spec import Spec, packed, unpacked
from trysquare.truth.arrangement import Arrangement, arrange
from trysquare.truth.bundle import Asked, bundle
from trysquare.truth.known import Allowance, Truth
from trysquare.truth.layout import Layout
from trysquare.truth.meaning import COTANGENT, Meaning
from trysquare.truth.oracle import Oracle
from trysquare.truth.tolerance import allowance
from trysquare.verdict.compare import Distance, distance
from trysquare.verdict.infinities import Infinities
from trysquare.verdict.tendency import grown, moved

NEAR = 4.0
"""ULP that an answer at an infinity may be off, where the formula itself says nothing."""


@dataclass(frozen=True)
class Accepted:
    """One right answer: its oracle, its known truth, and for which elements it counts."""

    oracle: Oracle
    truth: Truth
    where: Array


@dataclass(frozen=True)
class Standard:
    """A case of a spec; all that follows from it is worked out when it is first asked for.

    `searching` asks for a truth that is good enough to choose among many inputs: in float64 it has
    no proven bound. What is chosen is judged by a standard without it.
    """

    spec: Spec
    case: Case
    searching: bool = False

    def __reduce__(self) -> tuple[object, ...]:
        """Go to a judge without what has been worked out, and with a spec that it may have."""
        return _sent, (packed(self.spec), self.case, self.searching)

    @cached_property
    def _arranged(self) -> Arrangement:
        case = self.case
        return arrange(self.spec, case.effective, case.inputs, case.cotangent)

    @property
    def meant(self) -> Meaning:
        """The function with the parameters of the case."""
        return self._arranged.meant

    @property
    def layout(self) -> Layout:
        """How tensors of the case become rows."""
        return self._arranged.layout

    @property
    def rows(self) -> Mapping[str, Array]:
        """The inputs, and the cotangent, as float64 rows."""
        return self._arranged.rows

    @cached_property
    def spread(self) -> Extent:
        """How the answer is spread over rows and columns."""
        if self.case.want.derives:
            return self.meant.extents[self.case.wrt]
        return self.meant.output

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that an answer must have."""
        if self.case.want.derives:
            return tuple(self.case.inputs[self.case.wrt].shape)
        return self.layout.shape_of(self.spread)

    @property
    def terms(self) -> int:
        """The number of elements that a reduction joins: those of a row, or all."""
        if self.meant.reduces:
            return self.layout.rows * self.layout.columns
        return self.layout.columns

    def index_of(self, row: int, column: int) -> tuple[int, ...]:
        """Return where an element, given as row and column, stands in the answer."""
        height, width = (self.layout.rows if self.spread.rows else 1), self.layout.columns
        places = np.arange(height * (width if self.spread.columns else 1)).reshape(height, -1)
        tensor = self.layout.from_rows(places, self.spread)
        found = np.argwhere(tensor == places[row, column])[0]
        return tuple(int(place) for place in found)

    @cached_property
    def canonical(self) -> Accepted:
        """The right answer, by the spec's formula."""
        return self._known(self.oracle, np.True_)

    @cached_property
    def oracle(self) -> Oracle:
        """The spec's formula at the inputs of the case, nothing of it worked out yet."""
        return self._oracle(self._tree, self.rows)

    @cached_property
    def alternatives(self) -> tuple[Accepted, ...]:
        """Other answers that count where they hold: conventions at kinks, stated alternatives."""
        return (*self._at_kinks(self.rows), *self._stated(), *self._beyond())

    @cached_property
    def kinks(self) -> Mapping[str, Array]:
        """The elements of a gradient that stand at a kink, by where that is, in the spec's words.

        Only where what comes from above is one: there the answer is the derivative itself.
        """
        if self.case.want is not Want.GRADIENT or self.meant.reduces:
            return {}
        arithmetic = Float64(self.layout.rows, self.layout.columns, self.case.format)
        return {
            text: np.asarray(evaluate(condition, arithmetic, self.rows), bool)
            & (self.rows[COTANGENT] == 1)
            for text, condition in self.meant.kinks(self.case.wrt)
        }

    @cached_property
    def flushed(self) -> tuple[Accepted, ...]:
        """The answers if subnormal inputs are taken for zero; nothing if there are none.

        Zero may be a kink where the subnormal number is none: what is allowed there counts too.
        """
        tiny = self.case.format.smallest_normal
        rows = {
            name: np.where((np.abs(value) < tiny) & (value != 0), np.copysign(0.0, value), value)
            for name, value in self.rows.items()
        }
        if all(np.array_equal(rows[name], self.rows[name], equal_nan=True) for name in rows):
            return ()
        return (self._accepted(self._tree, rows, np.True_), *self._at_kinks(rows))

    def limit(self, *, flushes: bool) -> Allowance:
        """Return the limit for every element."""
        return self._flushing if flushes else self._keeping

    def distance(self, got: Array, accepted: Accepted, *, flushes: bool) -> Distance:
        """Compare an answer, as rows; where the fast truth does not decide, Arb does."""
        own = accepted is not self.canonical
        if own:
            limit = self._limit_of(accepted.oracle, accepted, flushes=flushes)
        else:
            limit = self.limit(flushes=flushes)
        format = self.case.format
        measured = distance(got, accepted.truth, limit, format)
        unsure = np.flatnonzero(measured.unsure.any(axis=1))
        if unsure.size:
            truth = accepted.truth.patched(unsure, accepted.oracle.exact(unsure))
            measured = distance(got, truth, limit, format)
            if (measured.unsure & np.isinf(truth.bound)).any():  # then any answer would be right
                raise UndecidedError("nothing is known of the right answer")
        bad = (measured.bad & ~self._infinities.unsaid) | ~accepted.where
        return replace(measured, bad=bad)

    @cached_property
    def dialects(self) -> tuple[tuple[str, str, Node], ...]:
        """Name, reason and tree of each dialect."""
        meant, wrt = self.meant, self.case.wrt
        if self.case.want is Want.SECOND:
            return ()
        derives = self.case.want is Want.GRADIENT
        return tuple(
            (name, why, meant.derived(wrt, terms) if derives else meant.reduced(terms))
            for name, why, terms in meant.dialects()
        )

    @cached_property
    def textbook(self) -> tuple[tuple[str, Node], ...]:
        """Name and tree of the textbook form, or of what calculus makes of it."""
        meant, wrt, definition = self.meant, self.case.wrt, self.meant.definition()
        if self.case.want is Want.SECOND:
            return ()
        if self.case.want is not Want.GRADIENT:
            if definition is None:
                return ()
            return (("the textbook form", meant.reduced(definition)),)
        forms = []
        if definition is not None:
            derived = meant.derived(wrt, definition)
            forms.append(("the derivative of the textbook form", derived))
        if wrt in self.spec.gradient:
            forms.append(("the derivative as calculus gives it", meant.derived(wrt, meant.terms)))
        return tuple(forms)

    def otherwise(self, tree: Node) -> Accepted:
        """Return the answers of a dialect's tree; kept: what one target equals, others may."""
        if id(tree) not in self._others:
            self._others[id(tree)] = self._accepted(tree, self.rows, np.True_)
        return self._others[id(tree)]

    def roughly(self, tree: Node) -> Array:
        """Return the answers of a dialect's tree in plain arithmetic, with no bound."""
        oracle = self._oracle(tree, self.rows)
        quick = oracle.extended if self.case.format is FLOAT64 else None
        return oracle.ieee if quick is None else quick.value

    @cached_property
    def _others(self) -> dict[int, Accepted]:
        return {}

    @cached_property
    def slope(self) -> Node | None:
        """The derivative, for functions of a single number; it gives the condition number."""
        elements = [name for name, value in self.rows.items() if name != COTANGENT]
        if self.case.want.derives or self.meant.reduces or len(elements) != 1:
            return None
        if self.spec.axis is not None:
            return None
        return gradient(self.meant.terms, ONE, elements[0], self.meant.extents)

    @cached_property
    def _keeping(self) -> Allowance:
        return self._limit_of(self.oracle, flushes=False)

    @cached_property
    def _flushing(self) -> Allowance:
        return self._limit_of(self.oracle, flushes=True)

    def _limit_of(
        self, oracle: Oracle, other: Accepted | None = None, *, flushes: bool
    ) -> Allowance:
        """Return the limit of the canonical answer or of another, if possible without a truth."""
        stated = self.spec.tolerance.pick(self.case.format.name, self.case.effective)
        # a stated tolerance is the function's; gradients inherit theirs from their own formula
        own = None if stated is None or self.case.want.derives else stated.tree
        tree = None if own is None else self.meant.expression(own)
        limit = allowance(oracle, tree, self.terms, flushes=flushes)
        for order in self.other_orders if other is None else ():
            limit = limit.wider(allowance(order, tree, self.terms, flushes=flushes))
        if self.case.stated:  # a case that states its answer is never without a limit
            near = self.case.format.ulp((other or self.canonical).truth.value)
            limit = replace(limit, limit=np.where(np.isinf(limit.limit), near, limit.limit))
        if self.case.check is Check.LIMITS:  # nothing is rounded where a number is infinite
            near = NEAR * self.case.format.ulp((other or self.canonical).truth.value)
            open_ = np.isinf(limit.limit) & self._infinities.where
            limit = replace(limit, limit=np.where(open_, near, limit.limit))
        if self.case.check is Check.EDGES and self.meant.reduces:
            # whoever adds up so much holds sum and count wider: overflow on the way is no excuse
            limit = limit.unexcused()
        return limit

    @cached_property
    def other_orders(self) -> tuple[Oracle, ...]:
        """The gradient with its factors in another order: the same truth, other roundings."""
        if self.case.want is Want.SECOND:
            trees = self.meant.second_reordered(self.case.wrt)
            return tuple(replace(self.oracle, tree=tree) for tree in trees)
        if self.case.want is not Want.GRADIENT:
            return ()
        tree = self.meant.reordered(self.case.wrt)
        if tree is None or tree == self._tree:
            return ()
        return (replace(self.oracle, tree=tree),)

    @cached_property
    def _tree(self) -> Node:
        if self.case.want is Want.GRADIENT:
            return self.meant.gradients(self.case.wrt)[0]
        if self.case.want is Want.SECOND:
            return self.meant.second(self.case.wrt)
        return self.meant.value

    def _oracle(self, tree: Node, rows: Mapping[str, Array]) -> Oracle:
        layout = self.layout
        return Oracle(tree, rows, layout.rows, layout.columns, self.spread, self.case.format)

    def _accepted(self, tree: Node, rows: Mapping[str, Array], where: Array | np.bool_) -> Accepted:
        return self._known(self._oracle(tree, rows), where)

    def _known(self, oracle: Oracle, where: Array | np.bool_) -> Accepted:
        truth = self._truth(oracle)
        return Accepted(oracle, truth, np.broadcast_to(where, truth.value.shape))

    def _truth(self, oracle: Oracle) -> Truth:
        searching = self.searching and self.case.format is FLOAT64
        quick = oracle.extended if searching else None
        return oracle.known if quick is None else oracle.sharpened(quick)

    def _at_kinks(self, rows: Mapping[str, Array]) -> Iterator[Accepted]:
        if self.case.want is not Want.GRADIENT:
            return
        arithmetic = Float64(self.layout.rows, self.layout.columns, self.case.format)
        for condition, tree in self.meant.gradients(self.case.wrt)[1]:
            where = np.asarray(evaluate(condition, arithmetic, rows), bool)
            if where.any():
                yield self._accepted(tree, rows, where)

    @cached_property
    def _infinities(self) -> Infinities:
        larger = partial(_larger, self.spec, self.case)
        return Infinities(self.case, self._arranged, self._tree, self.oracle, larger)

    def _beyond(self) -> Iterator[Accepted]:
        """Yield what else is right at infinities: limits, NaN, the other side of a joint."""
        found = self._infinities
        if not found.matter:
            return
        near = found.grown[0]  # with limits that are those of finite numbers
        yield _given(near, found.tendency, found.where & ~np.isnan(found.tendency))
        if has_infinite(self.case.effective):
            yield self._accepted(moved(self._tree), self.rows, found.where)
        yield _given(self.oracle, np.full(self.oracle.shape, np.nan), found.computed)

    def _stated(self) -> Iterator[Accepted]:
        if len(self.case.stated) < 2:
            return
        for stated in self.case.stated:
            value = np.broadcast_to(stated, self.shape)
            rows = self.layout.to_rows(value, self.spread).astype(np.float64)
            truth = Truth(rows, np.zeros_like(rows), np.zeros_like(rows))
            yield Accepted(self.canonical.oracle, truth, np.ones(rows.shape, bool))


def _sent(spec: bytes, case: Case, searching: bool) -> Standard:  # noqa: FBT001 - by __reduce__
    return Standard(unpacked(spec), case, searching)


def _larger(spec: Spec, case: Case, size: float) -> Oracle:
    """Return a case with such a number in place of infinities."""
    return Standard(spec, grown(case, size)).oracle


def _given(oracle: Oracle, value: Array, where: Array) -> Accepted:
    """Return an answer that nobody has to work out, with the limits of an oracle."""
    nothing = np.zeros_like(value)
    return Accepted(oracle, Truth(value, nothing, nothing), where)


def work_out(standards: Sequence[Standard], *, flushes: bool) -> None:
    """Work out truth and limits of all these cases at once, where one has no part in another's.

    `flushes` tells whether the limits of a target that flushes are asked for.
    """
    limits = (Asked.IEEE, Asked.INHERITED, *((Asked.FLUSHING,) if flushes else ()))
    bundle([standard.oracle for standard in standards], (*limits, Asked.KNOWN))
    bundle([order for standard in standards for order in standard.other_orders], limits)
