"""Parameters that people write as words -> their values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from trysquare.errors import UsageError, suggestion
from trysquare.spec import Spec, Value
from trysquare.specfile.document import Document, Scalar
from trysquare.specfile.values import read_value


def settings(spec: Spec, texts: Mapping[str, str]) -> dict[str, Value]:
    """Return the values of parameters; UsageError for a name or a value that is none."""
    known = {item.name: item for item in spec.parameters}
    found: dict[str, Value] = {}
    for name, text in texts.items():
        if name not in known:
            hint = suggestion(name, known) or f"there are {', '.join(known) or 'none'}"
            raise UsageError(f"'{name}' is not a parameter of {spec.function}; {hint}")
        item = known[name]
        document = Document(Path(name), (text,))
        node = Scalar(text, 1, 1, (1, len(text) + 1))
        value = read_value(document, node, item.kind, item.choices)
        if value is None:
            mistake = document.mistakes[0]
            raise UsageError(f"{name}={text}: {mistake.message} {mistake.hint}".rstrip())
        found[name] = value
    return found
