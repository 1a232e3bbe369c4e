"""Files that nobody should have written: each ends in located mistakes, none in a traceback."""

from __future__ import annotations

import builtins
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trysquare.errors import FormulaError, Mistake, SpecErrors
from trysquare.formula import constant
from trysquare.formula.parser import parse
from trysquare.reader import is_spec, read, specs_folder
from trysquare.specfile.composer import DEEPEST, LARGEST_FILE
from trysquare.specfile.document import MOST_MISTAKES

HEAD = "trysquare: 1\nfunction: f\nsummary: S.\nsource: s\ninputs: {x: float}\n"
SHIPPED = sorted(specs_folder().glob("*/*.yaml"))


def refused(tmp_path: Path, data: str | bytes, name: str = "f.yaml") -> SpecErrors:
    """Return the mistakes of a file that must have some."""
    path = tmp_path / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    with pytest.raises(SpecErrors) as raised:
        read(path)
    return raised.value


def first(tmp_path: Path, data: str | bytes) -> tuple[int, int, str]:
    mistake = refused(tmp_path, data).mistakes[0]
    return mistake.line, mistake.column, mistake.message


def test_a_file_of_more_than_one_mebibyte_is_refused(tmp_path: Path) -> None:
    text = HEAD + "formula: x\n"
    padding = "#" * (LARGEST_FILE - len(text))
    (tmp_path / "f.yaml").write_text(text + padding, encoding="utf-8")
    assert read(tmp_path / "f.yaml").function == "f"
    assert first(tmp_path, text + padding + "#") == (1, 1, "larger than 1 MiB")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{", "}")])
def test_depth_is_limited(tmp_path: Path, opening: str, closing: str) -> None:
    within = f"a: {opening * (DEEPEST - 1)}{closing * (DEEPEST - 1)}\n"
    assert "deeper" not in str(refused(tmp_path, within))
    assert first(tmp_path, f"a: {opening * DEEPEST}{closing * DEEPEST}\n") == (
        1,
        DEEPEST + 3,
        f"nested deeper than {DEEPEST} levels",
    )


def test_depth_without_brackets_is_limited(tmp_path: Path) -> None:
    assert first(tmp_path, "- " * 100_000)[2] == f"nested deeper than {DEEPEST} levels"


def test_unclosed_brackets_do_not_exhaust_the_stack(tmp_path: Path) -> None:
    assert first(tmp_path, "[" * 100_000)[2] == f"nested deeper than {DEEPEST} levels"


def test_an_alias_is_refused(tmp_path: Path) -> None:
    text = HEAD + "formula: &f x\ndefinition: *f\n"
    messages = [mistake.message for mistake in refused(tmp_path, text).mistakes]
    assert messages == ["anchors are not allowed", "aliases are not allowed"]


def test_a_bomb_of_aliases_is_never_built(tmp_path: Path) -> None:
    rows = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    error = refused(tmp_path, "a0: &a0 [x, x, x]\n" + "\n".join(rows))
    assert "aliases are not allowed" in str(error)


def test_a_merge_key_is_refused(tmp_path: Path) -> None:
    text = HEAD + "formula: x\n<<: {definition: x}\n"
    assert first(tmp_path, text) == (7, 1, "merge keys are not allowed")


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!function", "!!str", "!"])
def test_a_tag_is_refused(tmp_path: Path, tag: str) -> None:
    assert first(tmp_path, HEAD + f"formula: {tag} x\n")[2] == "tags are not allowed"


def test_a_second_document_is_refused(tmp_path: Path) -> None:
    assert first(tmp_path, HEAD + "formula: x\n---\na: 1\n")[0] == 7


def test_a_key_that_is_no_word_is_refused(tmp_path: Path) -> None:
    assert first(tmp_path, HEAD + "formula: x\n? [a]\n: b\n") == (7, 3, "a key is a word")


def test_an_equal_key_is_refused_where_it_is_repeated(tmp_path: Path) -> None:
    text = HEAD + "formula: x\nformula: 2 * x\n"
    assert first(tmp_path, text) == (7, 1, "'formula' is already given on line 6")


def test_what_is_not_yaml_is_refused_where_it_ends(tmp_path: Path) -> None:
    line, column, message = first(tmp_path, HEAD + "formula: x: y\n")
    assert (line, column) == (6, 11)
    assert message.startswith("not YAML")


def test_what_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    assert first(tmp_path, b"a: 1\nb: \xff\n") == (2, 4, "not UTF-8")


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert first(tmp_path, "# nothing\n")[2] == "the file is empty"


@pytest.mark.parametrize("text", ["x", "[x]", "- trysquare: 1", '"trysquare"'])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert "expected a spec" in first(tmp_path, text)[2]


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\u202e", "\u2066", "\u200b", "\u2028", "\ue000"]
)
def test_hidden_characters_are_refused_even_in_comments(tmp_path: Path, character: str) -> None:
    mistake = refused(tmp_path, HEAD + f"formula: x # {character}\n").mistakes[0]
    assert (mistake.line, mistake.column) == (6, 14)
    assert f"U+{ord(character):04X}" in mistake.message
    assert character not in str(mistake)


def test_hidden_characters_are_refused_when_escaped(tmp_path: Path) -> None:
    error = refused(tmp_path, HEAD.replace("S.", r'"S\e[31m"') + "formula: x\n")
    assert error.mistakes[0].message == "hidden character U+001B"
    assert "\x1b" not in str(error)


def test_hidden_characters_of_a_key_are_not_repeated(tmp_path: Path) -> None:
    for escape, character in (("\\e", "\x1b"), ("\\U0010ffff", "\U0010ffff")):
        assert character not in str(refused(tmp_path, HEAD + f'formula: x\n"{escape}[2J": 1\n'))


def test_a_message_is_one_line(tmp_path: Path) -> None:
    error = refused(tmp_path, HEAD + 'formula: x\n"a\\n::error::b": 1\n')
    assert [mistake.message for mistake in error.mistakes] == ["unknown key 'a ::error::b'"]


def test_a_long_line_is_not_repeated(tmp_path: Path) -> None:
    assert len(str(refused(tmp_path, HEAD + "formula: y" + " + x" * 5000))) < 500


def test_reading_stops_after_many_mistakes(tmp_path: Path) -> None:
    keys = "".join(f"k{n}: 1\n" for n in range(5_000))
    assert len(refused(tmp_path, HEAD + "formula: x\n" + keys).mistakes) == MOST_MISTAKES


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.yaml")
    assert not is_spec(tmp_path / "f.yaml")
    with pytest.raises(SpecErrors, match="not a file"):
        read(tmp_path / "f.yaml")


def test_a_folder_is_not_a_spec(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors, match="not a file"):
        read(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('x')",
        "(lambda: x)()",
        "x.__class__",
        "[x for x in x]",
        "f'{x}'",
        "(x := 1)",
        "exp(*x)",
        "exp(x=1)",
        "await x",
        "open('f')",
        "x if x else `x`",
        "-" * 1500 + "x",
        "(" * 999 + "x" + ")" * 999,
        "x" + " if x > 0 else x" * 120,
        "x" + "[0]" * 600,
        "9 ** 99999999",
        "x\x0c+ 1",
        "x # y",
        "'" * 3,
        "x\\\n+ 1",
        "\N{MATHEMATICAL ITALIC SMALL X}",
    ],
)
def test_a_formula_that_is_none_is_a_mistake(tmp_path: Path, text: str) -> None:
    written = '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'
    assert refused(tmp_path, HEAD + f"formula: {written}\n").mistakes[0].line == 6


def test_a_thousand_terms_are_no_deep_tree(tmp_path: Path) -> None:
    text = "x" + "<x" * 900
    (tmp_path / "f.yaml").write_text(HEAD + f"formula: 1 if {text} else x\n", encoding="utf-8")
    assert read(tmp_path / "f.yaml").formula.options[""].text.endswith("else x")


def test_a_power_is_a_constant() -> None:
    assert constant.value(parse("9**16")) == 9**16


@pytest.mark.parametrize(
    "text", ["((((9**16)**16)**16)**16)**16", "1e999 * 1e999 * 1e999", "1e400", "1 / 1e999"]
)
def test_a_constant_beyond_double_precision_is_a_mistake(text: str) -> None:
    with pytest.raises(FormulaError, match="too "):
        constant.double(constant.value(parse(text)))


def test_reading_runs_no_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        pytest.fail("code from a file was run")

    text = HEAD + "formula: x + 1\n"
    (tmp_path / "f.yaml").write_text(text, encoding="utf-8")
    read(tmp_path / "f.yaml")  # imports what it needs
    monkeypatch.setattr(builtins, "eval", forbidden)
    monkeypatch.setattr(builtins, "exec", forbidden)
    assert read(tmp_path / "f.yaml").formula.options[""].text == "x + 1"


# mutations of the shipped specs

FRAGMENTS = st.sampled_from(
    [
        *(
            "{",
            "}",
            "[",
            "]",
            ":",
            ": ",
            ",",
            "- ",
            "\n",
            "\n  ",
            "'",
            '"',
            "|\n",
            ">-\n",
            "#",
            "&a ",
            "*a",
        ),
        *(
            "!x ",
            "<<: ",
            "? ",
            "---\n",
            "...\n",
            "%YAML 1.1\n",
            "\t",
            "\x00",
            "\u202e",
            "\ufeff",
            "é",
            "\U0001f600",
        ),
        *(
            "x",
            "nan",
            "-inf",
            "010",
            "1e999",
            "true",
            "null",
            "~",
            "error",
            "one of",
            "default",
            "(",
            ")",
            "**16",
        ),
        *(
            "row[0]",
            "sum(",
            " if ",
            " else ",
            " or ",
            "==",
            "=",
            "$",
            "\\",
            "\\x41",
            "0" * 70,
            "a" * 2001,
        ),
    ]
)
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["insert", "delete", "repeat", "swap"]),
        st.floats(0, 1),
        st.integers(1, 40),
        FRAGMENTS,
    ),
    min_size=1,
    max_size=6,
)


def mutated(text: str, edits: list[tuple[str, float, int, str]]) -> str:
    """Return the text after edits at relative places."""
    for kind, where, length, fragment in edits:
        at = int(where * len(text))
        before, middle, after = text[:at], text[at : at + length], text[at + length :]
        match kind:
            case "insert":
                text = before + fragment + middle + after
            case "delete":
                text = before + after
            case "repeat":
                text = before + middle * 3 + after
            case _:
                text = before + fragment + after
    return text


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def check(path: Path, data: bytes) -> None:
    """Read a file; it is a spec, or every mistake has a place in it."""
    path.write_bytes(data)
    is_spec(path)
    lines = data.count(b"\n") + data.count(b"\r") + 1
    function, mistakes = "", tuple[Mistake, ...]()
    try:
        function = read(path).function
    except SpecErrors as error:
        mistakes = error.mistakes
    assert mistakes or function == path.stem
    for mistake in mistakes:
        assert 1 <= mistake.line <= lines
        assert mistake.column >= 1
        assert "\n" not in mistake.message
        assert str(mistake).encode()


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(source=st.sampled_from(SHIPPED), edits=EDITS)
def test_a_mutated_spec_is_read_or_refused(
    folder: Path, source: Path, edits: list[tuple[str, float, int, str]]
) -> None:
    text = mutated(source.read_text(encoding="utf-8"), edits)
    check(folder / source.name, text.encode())


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_refused(folder: Path, data: bytes) -> None:
    check(folder / "f.yaml", data)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=st.text(max_size=80))
def test_any_text_as_a_formula_is_read_or_refused(folder: Path, text: str) -> None:
    written = "".join(f"\\U{ord(character):08x}" for character in text)
    check(folder / "f.yaml", f'{HEAD}formula: "{written}"\n'.encode())
