"""What each framework's defaults are, and what they do: read, confirmed by a call, measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trysquare.backend import Target
from trysquare.dtypes import FLOAT64, Array, Format
from trysquare.errors import UndecidedError
from trysquare.formula.evaluate import evaluate
from trysquare.formula.float64 import Float64
from trysquare.formula.tree import Node
from trysquare.planning.cases import Case
from trysquare.record import Default, Difference, Usage
from trysquare.run import Session
from trysquare.spec import Spec, Value, choice_text
from trysquare.usage.asking import Asked, ask, case, formats, given, same
from trysquare.verdict.diagnosis import diagnose
from trysquare.verdict.measure import inputs_at, number
from trysquare.verdict.standard import Standard

BARE, OURS, PLAIN = "bare", "ours", "plain"
"""Nothing given; the spec's defaults, and what makes them mean the same; those defaults alone."""


@dataclass(frozen=True)
class _Question:
    """A function on a target in one format, asked and not yet answered."""

    spec: Spec
    target: Target
    bare: Case
    means: Mapping[str, Value]
    asked: Asked


def usages(
    session: Session, specs: Iterable[Spec], targets: Sequence[Target]
) -> dict[str, tuple[Usage, ...]]:
    """Return for each function what its defaults are on each target that has it."""
    questions = [
        _question(session, spec, target, format)
        for spec in specs
        for target in targets
        if spec.function in session.targets[target].functions
        for format in formats(session, target)
    ]
    found: dict[str, dict[Target, Usage]] = {}
    standards: dict[tuple[str, str], Standard] = {}
    for question in questions:
        key = (question.spec.function, question.bare.format.name)
        standard = standards.setdefault(key, Standard(question.spec, question.bare))
        here = found.setdefault(question.spec.function, {})
        if (
            question.target not in here
            and (usage := _usage(session, question, standard)) is not None
        ):
            here[question.target] = usage
    return {function: tuple(each.values()) for function, each in found.items()}


def _question(session: Session, spec: Spec, target: Target, format: Format) -> _Question:
    bare = case(spec, format)
    spelling = session.targets[target].functions[spec.function]
    means = {name: value for name, value in spelling.means.items() if name in spec.defaults}
    # an argument whose default no signature tells is looked for among likely values
    likely = {
        _trial(name, value): given(bare, {name: value}, canonical=False)
        for name in spec.defaults
        if name not in means
        for value in _likely(spec, name)
    }
    calls = {
        BARE: bare,
        OURS: given(bare, spec.defaults, canonical=True),
        PLAIN: given(bare, spec.defaults, canonical=False),
        **likely,
        **{name: given(bare, {name: value}, canonical=False) for name, value in means.items()},
        **{
            f"without {name}": given(bare, _without(spec, name), canonical=True)
            for name in spec.defaults
        },
    }
    asked = ask(session, target, spec, {name: one.call for name, one in calls.items()})
    return _Question(spec, target, bare, means, asked)


def _without(spec: Spec, name: str) -> dict[str, Value]:
    return {key: value for key, value in spec.defaults.items() if key != name}


def _usage(session: Session, question: _Question, standard: Standard) -> Usage | None:
    """Return what was found; None if the target answers nothing in this format."""
    spec, target = question.spec, question.target
    answers = question.asked.answers()
    bare, ours = answers[BARE], answers[OURS]
    if bare is None and ours is None:
        return None
    return Usage(
        target=str(target),
        dtype=question.bare.format.name,
        call=session.spelled(target, spec, question.bare.call),
        answers=bare is not None,
        defaults=tuple(_defaults(session, question, standard, answers)),
        difference=against(standard, bare),
        diagnosis=diagnosis(standard, bare),
        remedy=session.spelled(target, spec, _ours(question).call),
        remedied=against(standard, ours),
    )


def _ours(question: _Question) -> Case:
    return given(question.bare, question.spec.defaults, canonical=True)


def _defaults(
    session: Session,
    question: _Question,
    standard: Standard,
    answers: Mapping[str, Array | None],
) -> Iterator[Default]:
    spec = question.spec
    stated = session.targets[question.target].functions[spec.function].defaults
    for item in (each for each in spec.parameters if each.role is None):
        own, confirmed = _own(session, question, item.name, answers)
        if own:
            effect = difference(standard, answers[OURS], answers[f"without {item.name}"])
            yield Default(item.name, choice_text(item.default), own, confirmed, effect)
    old = {name for entry in spec.deprecated for name in entry.given}
    theirs = stated.keys() - spec.defaults.keys() - old - {item.name for item in spec.inputs}
    for name in sorted(theirs):
        effect = difference(standard, answers[OURS], answers[PLAIN])
        yield Default(name, "", stated[name], answers[PLAIN] is not None, effect)


def _own(
    session: Session, question: _Question, name: str, answers: Mapping[str, Array | None]
) -> tuple[str, bool]:
    """Return a framework's default in the spec's words, and whether a call confirms it."""
    if name in question.means:
        return choice_text(question.means[name]), same(answers[BARE], answers[name])
    target, spec = question.target, question.spec
    equal = [
        value
        for value in _likely(spec, name)
        if same(answers[BARE], answers.get(_trial(name, value)))
    ]
    if len(equal) > 1:  # a value that no argument carries says nothing
        empty = session.spelled(target, spec, question.bare.call)
        trials = (given(question.bare, {name: value}, canonical=False) for value in equal)
        texts = [session.spelled(target, spec, trial.call) for trial in trials]
        equal = [value for value, text in zip(equal, texts, strict=True) if text != empty]
    stated = session.targets[target].functions[spec.function].defaults.get(name, "")
    if len(equal) != 1:
        return stated, False
    word = choice_text(equal[0])
    return (f"{stated} (as {word})" if stated else word), True


def _trial(name: str, value: Value) -> str:
    return f"{name} {choice_text(value)}"


def _likely(spec: Spec, name: str) -> tuple[Value, ...]:
    """Return the values of a parameter that a default may have."""
    (item,) = (each for each in spec.parameters if each.name == name)
    if item.role is not None:
        return ()
    return tuple(dict.fromkeys((item.default, *item.also, *item.choices)))


def dialects(spec: Spec) -> dict[str, Difference]:
    """Return where each dialect is farthest from the formula, in float64, by its name."""
    standard = Standard(spec, case(spec, FLOAT64))
    truth = _plain(standard, standard.meant.value)
    found: dict[str, Difference] = {}
    for name, _, terms in standard.meant.dialects():
        other = _plain(standard, standard.meant.reduced(terms))
        apart = ~((other == truth) | (np.isnan(other) & np.isnan(truth)))
        farthest = _farthest(standard, other, truth, apart)
        if farthest is not None:
            found[name] = farthest
    return found


def _plain(standard: Standard, tree: Node) -> Array:
    """Return what float64 arithmetic makes of a tree: enough to tell dialects apart."""
    laid = standard.layout
    height = laid.rows if standard.spread.rows else 1
    width = laid.columns if standard.spread.columns else 1
    value = evaluate(tree, Float64(laid.rows, laid.columns, FLOAT64), standard.rows)
    return np.array(np.broadcast_to(value, (height, width)), np.float64)


def diagnosis(standard: Standard, got: Array | None) -> str:
    """Return which other way to compute a call an answer equals, or nothing."""
    if got is None or got.shape != standard.shape:
        return ""
    try:
        return diagnose(standard, got, flushes=False)
    except UndecidedError:
        return ""


def against(standard: Standard, got: Array | None) -> Difference | None:
    """Return where an answer is beyond its limit, and farthest from the truth; None if nowhere."""
    if got is None or got.shape != standard.shape:
        return None
    rows = standard.layout.to_rows(np.asarray(got, np.float64), standard.spread)
    try:
        found = standard.distance(rows, standard.canonical, flushes=False)
    except UndecidedError:
        return None
    truth = standard.case.format.round(standard.canonical.truth.value)
    return _farthest(standard, rows, truth, found.bad)


def difference(standard: Standard, one: Array | None, other: Array | None) -> Difference | None:
    """Return where two answers to one question are farthest apart; None if they are the same."""
    if one is None or other is None or same(one, other):
        return None
    if not one.shape == other.shape == standard.shape:
        return None
    want, got = (
        standard.layout.to_rows(np.asarray(answer, np.float64), standard.spread)
        for answer in (one, other)
    )
    return _farthest(standard, got, want, ~((got == want) | (np.isnan(got) & np.isnan(want))))


def _farthest(standard: Standard, got: Array, want: Array, where: Array) -> Difference | None:
    """Return the element with the largest difference, relative where the numbers exceed 1."""
    if not where.any():
        return None
    with np.errstate(all="ignore"):
        share = np.abs(got - want) / np.maximum(1.0, np.maximum(np.abs(got), np.abs(want)))
    share = np.where(np.isfinite(got) & np.isfinite(want), share, np.inf)
    place = divmod(int(np.argmax(np.where(where, share, -1.0))), share.shape[1])
    format = standard.case.format
    return Difference(
        inputs={
            name: value
            for name, value in inputs_at(standard, place).items()
            if name in standard.case.inputs
        },
        got=number(float(got[place]), format),
        want=number(float(want[place]), format),
        share=float(share[place]),
    )
