"""Targets are read side by side, and the reference is not one of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import fake_run
from trysquare.backend import Answer
from trysquare.result import Check, Result
from trysquare.verdict.judge import judge_all
from trysquare_reports.blame import Blame, counts, sentence, sides
from trysquare_reports.text import render_summary
from workshop import standards

NAMES = ("a:cpu:eager", "b:cpu:eager", "c:cpu:eager")


def right(target: str) -> Result:
    return fake_run.result(target=target)


def wrong(target: str) -> Result:
    return replace(fake_run.diverging(right(target)), target=target)


def blame(*results: Result) -> Blame:
    (side,) = sides(results)
    return side.blame


def test_one_wrong_target_stands_alone() -> None:
    assert blame(wrong("a:cpu:eager"), right("b:cpu:eager"), right("c:cpu:eager")) is Blame.ONE


def test_several_wrong_targets_are_some() -> None:
    assert blame(wrong("a:cpu:eager"), wrong("b:cpu:eager"), right("c:cpu:eager")) is Blame.SOME


def test_the_reference_does_not_excuse_a_specification_that_all_others_contradict() -> None:
    found = blame(wrong("a:cpu:eager"), wrong("b:cpu:eager"), right("numpy:cpu:formula"))
    assert found is Blame.ALL


def test_right_answers_may_be_different() -> None:
    one, other = (replace(right(name), apart=3) for name in NAMES[:2])
    assert blame(one, other) is Blame.DIFFERENT
    assert blame(right("a:cpu:eager"), right("b:cpu:eager")) is Blame.ALIKE


def test_a_question_to_one_target_says_nothing() -> None:
    assert [*sides([right("a:cpu:eager"), right("numpy:cpu:formula")])] == []
    assert sentence(wrong("a:cpu:eager"), [right("numpy:cpu:formula")]) == ""


def test_a_sentence_names_who_is_wrong() -> None:
    words = sentence(wrong("a:cpu:eager"), [right("b:cpu:eager")])
    assert words == f"{Blame.ONE} (1 of 2: a:cpu:eager)"


def test_every_question_is_counted_once() -> None:
    results = [right(name) for name in NAMES] + [
        fake_run.result(target=name, dtype="float16") for name in NAMES
    ]
    assert counts(sides(results)) == {Blame.ALIKE: 2}


def test_a_summary_tells_the_sides() -> None:
    run = fake_run.run()
    told = replace(run, results=(wrong("a:cpu:eager"), right("b:cpu:eager")))
    assert f"1  {Blame.ONE}" in render_summary(told)


def test_answers_within_their_limits_are_measured_against_each_other() -> None:
    standard = standards("sigmoid", Check.VALUES, "float16")[0]
    exact = standard.layout.from_rows(standard.canonical.truth.value, standard.spread)
    output = standard.case.format.cast(exact)
    moved = output.copy()
    moved.view(np.uint16)[np.argmax(output == np.float16(0.5))] += 1
    replies = {name: ([Answer({"output": output})], False) for name in ("a", "r:cpu:formula")}
    replies["b"] = ([Answer({"output": moved})], False)
    found = judge_all([standard], replies)
    assert {name: one.apart for name, (one,) in found.items()} == {
        "a": 1,
        "b": 1,
        "r:cpu:formula": None,
    }
