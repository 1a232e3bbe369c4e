"""A default is what a call does that leaves the argument out, not what a signature says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from trysquare import recorder
from trysquare.backend import Target
from trysquare.record import Default, Difference, FunctionRecord, Usage
from trysquare.result import Number
from trysquare.run import Session
from trysquare.usage.defaults import dialects
from trysquare.usage.porting import portings
from trysquare_reports.usage import markdown, ported, rows, summary
from workshop import SEED, SPECS

FUNCTIONS = ("elu", "softplus", "softmax", "mse_loss")
LIBRARY, TORCH = Target("library", "cpu", "eager"), Target("torch", "cpu", "eager")


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with Session(["library:backend", "torch"], SEED) as opened:
        yield opened


@pytest.fixture(scope="module")
def records(session: Session) -> dict[str, FunctionRecord]:
    specs = [SPECS[name] for name in FUNCTIONS]
    return {record.function: record for record in recorder.functions(session, specs)}


def usage(records: dict[str, FunctionRecord], function: str, target: Target = LIBRARY) -> Usage:
    (found,) = (one for one in records[function].usages if one.target == str(target))
    return found


def default(found: Usage, parameter: str) -> Default:
    (one,) = (each for each in found.defaults if each.parameter == parameter)
    return one


def test_a_default_is_read_and_confirmed_by_a_call(records: dict[str, FunctionRecord]) -> None:
    found = default(usage(records, "elu"), "alpha")
    assert (found.stated, found.own, found.confirmed) == ("1.0", "2.0", True)


def test_what_a_default_changes_is_measured(records: dict[str, FunctionRecord]) -> None:
    found = default(usage(records, "elu"), "alpha").difference
    assert found is not None
    # alpha is the limit to the left
    assert float(found.got.decimal) == pytest.approx(2 * float(found.want.decimal))


def test_a_signature_that_lies_is_not_confirmed(records: dict[str, FunctionRecord]) -> None:
    found = default(usage(records, "softplus"), "beta")
    assert (found.own, found.confirmed) == ("1.0", False)
    assert usage(records, "softplus").difference is not None
    assert found.difference is not None


def test_a_default_without_a_signature_is_found_by_calls(
    records: dict[str, FunctionRecord],
) -> None:
    found = default(usage(records, "softmax"), "dim")
    assert (found.own, found.confirmed) == ("0", True)
    assert found.difference is not None


def test_a_required_argument_is_said_to_be_required(records: dict[str, FunctionRecord]) -> None:
    assert not usage(records, "mse_loss").answers
    required = [row for row in rows([records["mse_loss"]]) if row.own == "refused"]
    assert [row.targets for row in required] == [(str(LIBRARY),)]


def test_the_call_that_means_the_spec_is_told(records: dict[str, FunctionRecord]) -> None:
    found = usage(records, "elu")
    assert found.call == "library.leaky(x=x)"
    assert found.remedy == "library.leaky(x=x, slope=1.0)"
    assert found.remedied is None


def test_a_default_that_is_a_dialect_is_recognised(records: dict[str, FunctionRecord]) -> None:
    assert "cut_at_20" in usage(records, "softplus", TORCH).diagnosis


def test_from_one_to_another_the_defaults_of_the_first_are_said(session: Session) -> None:
    (found,) = portings(session, [SPECS["elu"]], LIBRARY, TORCH)
    assert found.before == "library.leaky(x=x)"
    assert found.here == "torch.nn.functional.elu(input=x, alpha=2.0)"
    assert found.difference is not None
    assert found.agree


def test_an_agreement_that_is_none_is_not_claimed(session: Session) -> None:
    (found,) = portings(session, [SPECS["softplus"]], LIBRARY, TORCH)
    assert not found.agree
    assert "not both" in ported([found], "torch", "library", markdown=False)


def test_every_dialect_is_told_with_how_far_it_goes() -> None:
    found = dialects(SPECS["gelu"])
    assert {"other_form", "logistic"} <= found.keys()
    assert 3e-4 < found["other_form"].share < 5e-4


def test_text_and_markdown_tell_the_same_defaults(records: dict[str, FunctionRecord]) -> None:
    shown = [row for row in rows(records.values()) if row.changes]
    text, page = summary(records.values()), markdown(records.values())
    assert all(row.changes in text and row.changes in page for row in shown)


def test_no_word_of_a_framework_ends_a_cell(records: dict[str, FunctionRecord]) -> None:
    number = Number("1", "0x0")
    hostile = Default("a|b", "<img>", "\n|x", confirmed=True, difference=None)
    apart = Difference({"x": number}, number, number, 1.0)
    one = usage(records, "elu")
    changed = Usage("t|u", "float64", "f()", True, (hostile,), apart, "", "f()", None)  # noqa: FBT003
    record = records["elu"]
    told = markdown([type(record)(**{**vars(record), "usages": (one, changed)})])
    line = next(line for line in told.splitlines() if "img" in line)
    assert line.count(" | ") == 6
    assert "<img" not in line
