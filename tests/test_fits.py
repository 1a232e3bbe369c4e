"""Whether data fit a schema is said at once, and never otherwise than jsonschema says it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator

from trysquare.reader import specs_folder
from trysquare.specfile.composer import load
from trysquare.specfile.fits import UnknownWordError, compiled
from trysquare.specfile.schema import plain

FOLDER = specs_folder()
SCHEMA = json.loads((FOLDER / "spec.schema.json").read_text(encoding="utf-8"))
SPECS = [
    plain(load(FOLDER / name).root)
    for name in ("activations/gelu.yaml", "losses/huber_loss.yaml", "activations/rrelu.yaml")
]
STRANGE: tuple[Any, ...] = ("", "1", "true", "x" * 3000, [], {}, ["", ""], {"a b": "1"}, {"x": []})
CHANGES = 150


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in nested lists and dicts: who holds it, and its key."""
    for key in range(len(value)) if isinstance(value, list) else [*value]:
        yield value, key
        if isinstance(value[key], list | dict):
            yield from places(value[key])


def changed(value: Any, chance: random.Random) -> Any:
    """Return a copy that differs at one place: something strange, nothing, or one key more."""
    new = copy.deepcopy(value)
    holder, key = chance.choice([*places(new)])
    match chance.randrange(3), holder:
        case 0, _:
            del holder[key]
        case 1, dict():
            holder[chance.choice(["name", "also", "x", "no such key"])] = chance.choice(STRANGE)
        case _:
            holder[key] = chance.choice(STRANGE)
    return new


def test_what_fits_fits_and_what_jsonschema_refuses_does_not() -> None:
    fits, judge, chance = compiled(SCHEMA), Draft7Validator(SCHEMA), random.Random(1)  # noqa: S311
    assert all(map(fits, SPECS))
    some = [changed(chance.choice(SPECS), chance) for _ in range(CHANGES)]
    said = [judge.is_valid(one) for one in some]
    assert [fits(one) for one in some] == said
    assert CHANGES / 4 < sum(said) < CHANGES * 3 / 4


@pytest.mark.parametrize("word", ["oneOf", "uniqueItems", "patternProperties", "const", "not"])
def test_a_word_that_is_not_known_is_left_to_jsonschema(word: str) -> None:
    with pytest.raises(UnknownWordError, match=word):
        compiled({"properties": {"x": {word: []}}})
    with pytest.raises(UnknownWordError):
        compiled({"$ref": "elsewhere.json"})
