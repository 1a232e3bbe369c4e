"""What a spec means for given parameters: trees over its inputs alone, for value and gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

from trysquare.formula.derivative import (
    ONE,
    SCALAR,
    ZERO,
    Extent,
    extent,
    gradient,
    hoisted,
    plus,
    reduced,
    times,
)
from trysquare.formula.tree import Node, Op, Symbol, name, names, number, substitute, unscaled
from trysquare.spec import Expression, Input, Selected, Spec, Value
from trysquare.spec import Extent as InputExtent

COTANGENT = "cotangent"
"""The name, in gradient expressions, of what the output's gradient is multiplied with."""

LOSS = "loss"
"""The name, in `reduce` expressions, of the value of the formula."""

BATCH = "batch"
"""The name of the length of a call's first dimension; 1 where there is none, or no call."""

OUTPUT = "output"
"""The name, in `random`, of what the backend answered."""


Given = ParamSpec("Given")
Found = TypeVar("Found")


def _kept(
    method: Callable[Concatenate[Meaning, Given], Found],
) -> Callable[Concatenate[Meaning, Given], Found]:
    """Work an answer out once: many calls share a meaning, and so they share its trees."""

    @wraps(method)
    def kept(self: Meaning, /, *args: Given.args, **nothing: Given.kwargs) -> Found:
        key = (method.__name__, *(id(one) if isinstance(one, Node) else one for one in args))
        if key not in self.answers:  # the arguments are kept, so that no other has their id
            self.answers[key] = args, method(self, *args, **nothing)
        return cast("Found", self.answers[key][1])

    return kept


@dataclass(frozen=True)
class Meaning:
    """A function with its parameters fixed; every tree mentions inputs only.

    `value` is what a call returns, `terms` the formula before it is reduced. `extents` tells how
    each input, and the cotangent, is spread over rows and columns.
    """

    spec: Spec
    parameters: Mapping[str, Value]
    terms: Node
    value: Node
    extents: Mapping[str, Extent]
    answers: dict[object, tuple[object, object]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def output(self) -> Extent:
        """How the returned value is spread over rows and columns."""
        return extent(self.value, self.extents)

    @property
    def reduces(self) -> bool:
        """Whether the value mixes rows, so that no row can be judged alone."""
        return self.value != self.terms

    @_kept
    def gradients(self, wrt: str) -> tuple[Node, tuple[tuple[Node, Node], ...]]:
        """Return the tree of the gradient with respect to one input, and its kinks.

        A kink is a condition with another gradient that is allowed where it holds.
        """
        stated = self.spec.gradient.get(wrt)
        if stated is None:
            canonical = self.derived(wrt, self.terms)
        else:
            canonical = self._with_adjoint(self._tree(stated), wrt, times)
        kinks = tuple(
            (self._named(kink.at.tree), self._with_adjoint(self._named(allowed.tree), wrt, times))
            for kink in self.spec.kinks
            for allowed in kink.allowed.get(wrt, ())
        )
        return canonical, kinks

    def kinks(self, wrt: str) -> tuple[tuple[str, Node], ...]:
        """Return where there is no derivative with respect to one input: as text, as a tree."""
        return tuple(
            (kink.at.text, self._named(kink.at.tree))
            for kink in self.spec.kinks
            if wrt in kink.allowed
        )

    @_kept
    def second(self, wrt: str) -> Node:
        """Return the gradient of the sum of cotangent times gradient, for a function of numbers.

        It is derived from the gradient, stated or not, and has what tolerance follows from that.
        """
        return self._second(wrt, name(COTANGENT))

    @_kept
    def second_reordered(self, wrt: str) -> tuple[Node, Node]:
        """Return the same with what comes from above multiplied last, and first."""
        bend, cotangent = self._second(wrt, ONE), name(COTANGENT)
        return times(cotangent, bend), hoisted(cotangent, bend)

    def _second(self, wrt: str, adjoint: Node) -> Node:
        slope = substitute(self.gradients(wrt)[0], {COTANGENT: ONE})
        return gradient(slope, adjoint, wrt, self._all_extents())

    @_kept
    def reordered(self, wrt: str) -> Node | None:
        """Return a stated gradient with what comes from above multiplied first, not last.

        A backward pass may do either, and where numbers are subnormal it matters.
        """
        stated = self.spec.gradient.get(wrt)
        return None if stated is None else self._with_adjoint(self._tree(stated), wrt, hoisted)

    @_kept
    def derived(self, wrt: str, terms: Node) -> Node:
        """Return the gradient that calculus gives for `terms`, whatever the spec states."""
        adjoint, direct = self._through_reduction(wrt)
        return plus(gradient(terms, adjoint, wrt, self._all_extents()), direct)

    def definition(self) -> Node | None:
        """Return the textbook form of the terms, if the spec states one."""
        stated = self.spec.definition
        return None if stated is None else self._tree(stated)

    def dialects(self) -> Iterable[tuple[str, str, Node]]:
        """Yield name, reason and terms of every dialect."""
        for dialect in self.spec.dialects:
            yield dialect.name, dialect.why, self._tree(dialect.formula)

    def expression(self, tree: Node) -> Node:
        """Return another expression of the spec with parameters and `where` put in."""
        return self._named(tree)

    def _with_adjoint(self, slope: Node, wrt: str, product: Callable[[Node, Node], Node]) -> Node:
        adjoint, direct = self._through_reduction(wrt)
        if COTANGENT in set(names(slope)):
            return plus(substitute(slope, {COTANGENT: adjoint}), direct)
        whole = extent(self.terms, self.extents)
        return plus(reduced(product(adjoint, slope), whole, self.extents[wrt]), direct)

    def _through_reduction(self, wrt: str) -> tuple[Node, Node]:
        """Return the adjoint of the terms, and what the reduction itself adds for `wrt`."""
        cotangent = name(COTANGENT)
        if self.spec.reduce is None or not self.reduces:
            return cotangent, ZERO
        extents = self._all_extents()
        reduction = self._tree(self.spec.reduce)
        terms = {LOSS: self.terms}
        return (
            substitute(gradient(reduction, cotangent, LOSS, extents), terms),
            substitute(gradient(reduction, cotangent, wrt, extents), terms),
        )

    def _all_extents(self) -> dict[str, Extent]:
        return {
            **self.extents,
            COTANGENT: self.output,
            LOSS: extent(self.terms, self.extents),
        }

    def _tree(self, selected: Selected) -> Node:
        return self._named(selected.pick(self.parameters).tree)

    @_kept
    def _named(self, tree: Node) -> Node:
        return unscaled(substitute(tree, self._meanings))

    @cached_property
    def _meanings(self) -> dict[str, Node]:
        return _meanings(self.spec, self.parameters)

    @_kept
    def reduced(self, terms: Node) -> Node:
        """Return the value of a call whose formula has these terms."""
        if self.spec.reduce is None:
            return terms
        return substitute(self._tree(self.spec.reduce), {LOSS: terms})


def meaning(
    spec: Spec, parameters: Mapping[str, Value], single: frozenset[str] = frozenset()
) -> Meaning:
    """Return what the spec means for these parameters; absent ones have their defaults.

    `single` names inputs per position that are given as one number for all positions.
    """
    chosen = {BATCH: 1, **spec.defaults, **parameters}
    # 1, 1.0 and True are equal, and so are both zeros; what they look like tells them apart
    looks = tuple((key, repr(value)) for key, value in chosen.items())
    return _meaning(spec, _Chosen(chosen, looks), single)


@dataclass(frozen=True)
class _Chosen:
    """Parameters, equal to others that look the same."""

    values: Mapping[str, Value] = field(compare=False)
    looks: tuple[tuple[str, str], ...]


@lru_cache(maxsize=256)
def _meaning(spec: Spec, parameters: _Chosen, single: frozenset[str]) -> Meaning:
    """Return the meaning; the same few are asked for again and again."""
    chosen = parameters.values
    extents = {
        item.name: SCALAR if item.name in single else _extent(spec, item, chosen)
        for item in spec.inputs
    }
    if spec.random is not None:
        extents[spec.random.name] = Extent(rows=True, columns=spec.axis is not None)
    meanings = _meanings(spec, chosen)
    terms = unscaled(substitute(spec.formula.pick(chosen).tree, meanings))
    if spec.reduce is None:
        return Meaning(spec, chosen, terms, terms, extents)
    value = substitute(spec.reduce.pick(chosen).tree, {**meanings, LOSS: terms})
    return Meaning(spec, chosen, terms, value, extents)


def domains(spec: Spec) -> Iterator[tuple[str, Expression]]:
    """Yield the name and the domain of every parameter and input that has one."""
    for name_, domain in [
        *((parameter.name, parameter.domain) for parameter in spec.parameters),
        *((item.name, item.domain) for item in spec.inputs),
    ]:
        if domain is not None:
            yield name_, domain


def _extent(spec: Spec, item: Input, parameters: Mapping[str, Value]) -> Extent:
    match item.form(parameters).extent:
        case InputExtent.ELEMENT:
            return Extent(rows=True, columns=spec.axis is not None)
        case InputExtent.ROW:
            return Extent(rows=True, columns=False)
        case InputExtent.POSITION:
            return Extent(rows=False, columns=True)


def _meanings(spec: Spec, parameters: Mapping[str, Value]) -> dict[str, Node]:
    """Return the trees that names stand for: numbers of parameters, then `where` in order."""
    meanings = {
        key: constant(value)
        for key, value in parameters.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    for key, selected in spec.where.items():
        meanings[key] = substitute(selected.pick(parameters).tree, meanings)
    return meanings


def constant(value: float) -> Node:
    """Return a number, exactly the float it is."""
    if math.isnan(value):
        return Node(Op.SYMBOL, value=Symbol.NAN.value)
    if math.isinf(value):
        infinity = Node(Op.SYMBOL, value=Symbol.INF.value)
        return infinity if value > 0 else Node(Op.NEG, (infinity,))
    return number(Fraction(value))
