"""Mutants of everything that is read from outside do no harm: to nobody, and in a bounded time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fake_run
from mutants import Harm, harmful
from readers import LIARS, kinds, refused
from trysquare import baseline, divergences
from trysquare.errors import SpecErrors, UsageError
from trysquare.reader import read
from trysquare.record_form import BITS
from trysquare.results_file import line, record
from trysquare.workers.declaration import Declaration
from trysquare.workers.headers import MOST_MISTAKES, mistakes
from trysquare_reports.figures import power
from workshop import LONG

FEW = {"spec": 200, "results": 200, "decisions": 60, "corpus": 100}
MUTANTS = {name: 10_000 if LONG else FEW.get(name, 300) for name in kinds() if name not in LIARS}
NAMES = st.sampled_from(
    ["x", "y", "alpha", "mode", "d", "sum", "at", "loss", "_", "é", "x y", "../x"]
)
HELLO = {"type": "hello", "arrays": [], "protocol": 1, "dtypes": ["float32"], "functions": {}}


@pytest.mark.parametrize("kind", MUTANTS)
def test_no_mutant_does_harm(tmp_path: Path, kind: str) -> None:
    found = harmful(kind, 0, MUTANTS[kind], tmp_path)
    assert not found, "\n\n".join(map(str, found))


@pytest.mark.parametrize("lie", LIARS)
def test_a_reader_that_does_harm_is_caught(tmp_path: Path, lie: str) -> None:
    found = harmful(lie, 0, 60, tmp_path, most=1)
    assert found, lie
    assert b"a: 1" not in found[0].data


def test_a_harmful_mutant_is_shown(tmp_path: Path) -> None:
    (found,) = harmful("raises a KeyError", 0, 200, tmp_path, most=1)
    assert isinstance(found, Harm)
    assert "KeyError: 'harm'" in str(found)
    assert repr(found.data) in str(found)


# a grammar of specs

FORMULAS = st.recursive(
    st.sampled_from(["x", "alpha", "0", "1.5", "inf", "nan", "1e999", "9", "position", "x[0]"]),
    lambda inner: st.one_of(
        st.tuples(
            inner,
            st.sampled_from(["+", "-", "*", "/", "**", "<", "==", "and", "or", "[", "if"]),
            inner,
        ).map(" ".join),
        st.tuples(st.sampled_from(["exp", "sum", "mean", "argmax", "abs", "eval"]), inner).map(
            lambda pair: f"{pair[0]}({pair[1]})"
        ),
        st.tuples(inner, inner, inner).map(lambda three: "({} if {} > 0 else {})".format(*three)),
    ),
    max_leaves=12,
)
SELECTED = FORMULAS | st.dictionaries(NAMES, FORMULAS, max_size=2)
VALUES = st.recursive(FORMULAS, lambda inner: st.lists(inner, max_size=3), max_leaves=6)
PARAMETER = st.fixed_dictionaries(
    {"default": FORMULAS | st.sampled_from(["true", "mean"])},
    optional={
        "type": st.sampled_from(["integer", "number", "flag", "choice", "text"]),
        "choices": st.lists(st.sampled_from(["none", "mean", "sum", "true"]), max_size=3),
        "also": st.lists(FORMULAS, max_size=2),
        "domain": FORMULAS,
    },
)
CASE = st.fixed_dictionaries(
    {"name": st.text(max_size=8), "x": VALUES, "expect": VALUES | st.just("error")},
    optional={"digits": FORMULAS, "saved": NAMES, "alpha": VALUES, "why": st.text(max_size=8)},
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "trysquare": st.just("1"),
        "function": st.just("f"),
        "summary": st.just("S."),
        "source": st.just("s"),
        "inputs": st.dictionaries(
            NAMES, st.sampled_from(["float", "index"]), min_size=1, max_size=2
        )
        | st.just({"x": "float"}),
        "formula": SELECTED,
    },
    optional={
        "parameters": st.dictionaries(NAMES, PARAMETER, max_size=2)
        | PARAMETER.map(lambda one: {"alpha": one}),
        "axis": st.sampled_from(["-1", "0", "99", "alpha", "9" * 5_000]),
        "where": st.dictionaries(NAMES, SELECTED, max_size=2),
        "definition": SELECTED,
        "reduce": SELECTED,
        "gradient": st.dictionaries(NAMES, SELECTED, max_size=2),
        "kinks": st.lists(
            st.fixed_dictionaries({"at": FORMULAS, "x": st.lists(FORMULAS, max_size=2)}), max_size=2
        ),
        "tolerance": SELECTED | FORMULAS.map("{} ulp".format),
        "properties": st.dictionaries(
            st.sampled_from(["range", "odd", "even", "increasing"]), SELECTED, max_size=2
        ),
        "cases": st.lists(CASE, max_size=3),
    },
)


@settings(
    max_examples=10_000 if LONG else 150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(document=DOCUMENTS)
def test_what_a_grammar_of_specs_writes_is_read_or_refused(
    tmp_path: Path, document: object
) -> None:
    path, data = tmp_path / "f.yaml", json.dumps(document).encode()
    path.write_bytes(data)
    try:
        assert read(path).function == "f"
    except SpecErrors as error:
        refused(error, data, path)


# what was found


def accepted(tmp_path: Path, **changes: str) -> SpecErrors:
    entry = {
        "id": "elu/values/float32/torch:cpu:eager/points",
        "reason": "a reason of many letters",
        "symptom": "NaN against a number",
        **changes,
    }
    path = tmp_path / "baseline.yaml"
    path.write_text(json.dumps({"baseline": 1, "accepted": [entry]}), encoding="utf-8")
    with pytest.raises(SpecErrors) as raised:
        baseline.read(path)
    return raised.value


def test_an_address_of_dots_is_refused_at_once(tmp_path: Path) -> None:
    assert "https address" in str(accepted(tmp_path, issue=f"https://{'.' * 100_000} x"))


def test_a_mistake_in_a_long_text_is_told_at_once_and_in_short(tmp_path: Path) -> None:
    assert len(str(accepted(tmp_path, symptom="a" * 1_000_000))) < 5_000


def test_a_version_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    entry = {
        "match": "elu/*/*/*/*",
        "because": "a reason of many letters",
        "symptom": "beyond the limit",
        "versions": f">=1{'0' * 5_000}",
    }
    path = tmp_path / "torch.divergences.yaml"
    path.write_text(
        json.dumps({"trysquare": 1, "backend": "torch", "divergences": [entry]}), encoding="utf-8"
    )
    with pytest.raises(SpecErrors, match="longer than 200 characters"):
        divergences.read(path, "torch")


def test_a_program_whose_name_is_too_long_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="too long"):
        Declaration("toy", ("./" + "a" * 300,), tmp_path).argv()


@pytest.mark.parametrize(
    "changes",
    [
        {f"k{number}": 1 for number in range(50_000)},
        {"functions": {f"k{number}": 1 for number in range(50_000)}},
    ],
    ids=["unknown keys", "functions"],
)
def test_a_header_of_many_mistakes_is_refused_at_once(changes: dict[str, object]) -> None:
    told = [*mistakes({**HELLO, **changes}, "program hello")]
    assert 1 <= len(told) <= MOST_MISTAKES + 1
    assert re.search(r"and (49980 more|1000 or more other mistakes)", told[-1])


def test_as_many_mistakes_as_can_be_told_are_told_without_a_remark() -> None:
    wrong = {"functions": {f"k{number}": 1 for number in range(MOST_MISTAKES)}}
    told = [*mistakes({**HELLO, **wrong}, "program hello")]
    assert (len(told), "other mistakes" in told[-1]) == (MOST_MISTAKES, False)


def test_a_device_has_no_line_end() -> None:
    targets = [{"device": "cpu\n", "mode": "eager"}]
    assert [*mistakes({**HELLO, "targets": targets}, "program hello")]


def test_an_integer_that_no_sum_can_be_is_refused() -> None:
    keys = json.loads(line(fake_run.result()))
    assert record(json.dumps({**keys, "count": 2**BITS - 1})) is not None
    with pytest.raises(ValueError, match="'count' is not an integer"):
        record(json.dumps({**keys, "count": 2**BITS}))


def test_a_power_that_nobody_can_write_out_is_not_written_out() -> None:
    assert (power(3), power(10**12)) == ("8", "2^1000000000000")


def test_a_line_is_read_only_up_to_a_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trysquare import results_file

    monkeypatch.setattr(results_file, "LONGEST", 100)
    path = tmp_path / "results.jsonl"
    path.write_text("[" * 101, encoding="utf-8")
    with pytest.raises(UsageError, match=r"results.jsonl:1: .*a line of 101 bytes"):
        results_file.read(path)
