"""Records as JSON lines, both ways."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

import fake_run
from trysquare.errors import UsageError
from trysquare.record import Header, Record, Run
from trysquare.result import Result
from trysquare.results_file import LARGEST, ResultsWriter, line, read, record, schema

SPECIAL = [math.nan, math.inf, -math.inf, -0.0]
TEXTS = ["nan", "inf", "-inf", "-0.0"]


def records(run: Run) -> list[Record]:
    ends = [] if run.footer is None else [run.footer]
    return [run.header, *run.functions, *run.results, *ends]


def written(tmp_path: Path, run: Run) -> Path:
    path = tmp_path / "results.jsonl"
    with ResultsWriter(path) as writer:
        for item in records(run):
            writer.write(item)
    return path


def keys(text: str) -> dict[str, object]:
    parsed = json.loads(text)
    assert isinstance(parsed, dict)
    return parsed


def test_a_run_reads_back_equal(tmp_path: Path) -> None:
    run = fake_run.run()
    assert read(written(tmp_path, run)) == run


@pytest.mark.parametrize(("value", "text"), [*zip(SPECIAL, TEXTS, strict=True)])
def test_a_float_without_a_json_number_is_a_string(value: float, text: str) -> None:
    assert keys(line(replace(fake_run.result(), max_ulp=value)))["max_ulp"] == text


@pytest.mark.parametrize("value", SPECIAL)
def test_a_float_without_a_json_number_reads_back_as_itself(value: float) -> None:
    item = record(line(replace(fake_run.result(), max_ulp=value)))
    assert isinstance(item, Result)
    assert repr(item.max_ulp) == repr(value)


@pytest.mark.parametrize("value", [*SPECIAL, *TEXTS, 1.0, 1, True, "mean", None])
def test_a_parameter_reads_back_with_its_type(value: float | str | None) -> None:
    item = record(line(replace(fake_run.result(), parameters={"p": value})))
    assert isinstance(item, Result)
    assert repr(item.parameters) == repr({"p": value})


def test_special_floats_are_strings_in_histograms_too() -> None:
    item = replace(fake_run.result(), histogram=((-math.inf, math.nan),))
    assert keys(line(item))["histogram"] == [["-inf", "nan"]]


def test_the_text_of_a_number_stays_a_text() -> None:
    item = replace(fake_run.result(), worst=replace(fake_run.worst(), got=fake_run.number(-0.0)))
    assert record(line(item)) == item


def test_a_line_is_one_line_whatever_its_texts_are() -> None:
    text = line(replace(fake_run.result(), reason="a\nb\r\u2028c\x85d"))
    assert len(text.splitlines()) == 1


def test_half_a_surrogate_survives() -> None:
    item = replace(fake_run.result(), reason="\ud800")
    assert record(line(item)) == item


def test_each_record_is_on_disk_before_the_next_is_written(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsWriter(path) as writer:
        writer.write(fake_run.run().header)
        assert read(path).header == fake_run.run().header


@pytest.mark.parametrize("kind", ["header", "function", "result", "footer"])
def test_every_line_says_what_it_is(tmp_path: Path, kind: str) -> None:
    lines = written(tmp_path, fake_run.run()).read_text().splitlines()
    assert kind in {keys(text)["type"] for text in lines}


def test_unknown_keys_are_ignored() -> None:
    item = fake_run.result()
    assert record(json.dumps(keys(line(item)) | {"colour": "blue"})) == item


def test_unknown_types_are_ignored(tmp_path: Path) -> None:
    run = fake_run.run()
    path = written(tmp_path, run)
    path.write_text(path.read_text() + '{"type":"weather"}\n')
    assert read(path) == run


def test_a_key_with_a_default_may_be_absent() -> None:
    item = replace(fake_run.result(), reason="")
    short = {key: value for key, value in keys(line(item)).items() if key != "reason"}
    assert record(json.dumps(short)) == item


def test_a_file_from_before_there_were_yardsticks_reads() -> None:
    item = replace(fake_run.diverging(fake_run.result()), yardsticks={})
    old = {key: value for key, value in keys(line(item)).items() if key != "yardsticks"}
    assert record(json.dumps(old)) == item


def test_a_yardstick_without_a_rule_is_not_one_that_refuses_nothing() -> None:
    item = record(line(fake_run.diverging(fake_run.result())))
    assert isinstance(item, Result)
    assert item.yardsticks == {"wide": 0, "narrow": 1341, "near": 1, "elsewhere": None}


def test_a_truncated_last_line_was_never_written(tmp_path: Path) -> None:
    run = fake_run.run()
    path = written(tmp_path, run)
    path.write_bytes(path.read_bytes()[:-20])
    assert read(path) == replace(run, footer=None)


def test_a_run_without_footer_is_incomplete(tmp_path: Path) -> None:
    path = written(tmp_path, replace(fake_run.run(), footer=None))
    assert read(path).footer is None


def test_a_footer_that_more_results_follow_ends_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, fake_run.run())
    path.write_text(path.read_text() + line(fake_run.result()) + "\n")
    assert read(path).footer is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"hello",
        b"hello\n{}\n",
        b"\xff\xfe\x00",
        b"[]\n",
        b"{}\n",
        b'{"type":"footer","counts":{},"stale":[],"seconds":1,"finished":""}\n',
        b"[" * 100_000,
        b'{"type":"header"}\n',
    ],
)
def test_a_file_that_is_not_ours_is_a_usage_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"other\.jsonl.*(not a results file|results file: )"):
        read(path)


def test_an_absent_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read(tmp_path / "absent.jsonl")


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, fake_run.run())
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:4], lines[4][:-9], *lines[5:]]))
    with pytest.raises(UsageError, match=":5:"):
        read(path)


def test_a_results_file_of_a_newer_format_says_so(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    path.write_text(line(fake_run.run().header).replace('"format":1', '"format":2'))
    with pytest.raises(UsageError, match="'format' is not 1"):
        read(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("outcome", "great"),
        ("count", 1.5),
        ("count", True),
        ("max_ulp", "many"),
        ("max_ulp", None),
        ("case", 3),
        ("discrete", []),
        ("histogram", [[1.0]]),
        ("worst", 7),
        ("parameters", {"p": []}),
    ],
)
def test_a_value_of_the_wrong_kind_is_named(tmp_path: Path, key: str, value: object) -> None:
    path = tmp_path / "results.jsonl"
    broken = json.dumps(keys(line(fake_run.result())) | {key: value})
    path.write_text(f"{line(fake_run.run().header)}\n{broken}\n")
    with pytest.raises(UsageError, match=rf":2: .*'{key}"):
        read(path)


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


def test_every_line_of_a_run_is_valid(tmp_path: Path) -> None:
    validator = jsonschema.Draft7Validator(schema())
    special = replace(fake_run.result(), max_ulp=math.nan, parameters={"p": "inf", "q": -0.0})
    run = fake_run.run()
    path = written(tmp_path, replace(run, results=(*run.results, special)))
    errors = [
        error.message
        for text in path.read_text().splitlines()
        for error in validator.iter_errors(keys(text))
    ]
    assert errors == []


@pytest.mark.parametrize("key", ["type", "id", "worst", "outcome"])
def test_a_result_without_a_key_is_invalid(key: str) -> None:
    item = {name: value for name, value in keys(line(fake_run.result())).items() if name != key}
    assert not jsonschema.Draft7Validator(schema()).is_valid(item)


def test_a_result_with_an_unknown_outcome_is_invalid() -> None:
    item = keys(line(fake_run.result())) | {"outcome": "great"}
    assert not jsonschema.Draft7Validator(schema()).is_valid(item)


def test_the_header_names_the_format() -> None:
    header = fake_run.run().header
    assert (keys(line(header))["format"], isinstance(header, Header)) == (1, True)


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    with ResultsWriter(path) as writer:
        writer.write(fake_run.run().header)
        with pytest.raises(UsageError, match="another run is writing this file"):
            ResultsWriter(path)
        assert read(path).header == fake_run.run().header


def test_a_file_is_written_again_once_its_run_has_ended(tmp_path: Path) -> None:
    path = written(tmp_path, fake_run.run())
    with ResultsWriter(path) as writer:
        writer.write(fake_run.run().header)
    assert read(path).results == ()


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        with pytest.raises(UsageError, match="not a regular file"):
            read(path)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(UsageError, match=f"at most {LARGEST} are read"):
        read(path)


@pytest.mark.parametrize("times", [0, 2], ids=["lost", "doubled"])
def test_a_footer_that_counts_other_results_ends_nothing(tmp_path: Path, times: int) -> None:
    path = written(tmp_path, fake_run.run())
    lines = path.read_text().splitlines(keepends=True)
    number = next(i for i, text in enumerate(lines) if keys(text)["type"] == "result")
    path.write_text(
        "".join([*lines[:number], *lines[number : number + 1] * times, *lines[number + 1 :]])
    )
    assert read(path).footer is None
