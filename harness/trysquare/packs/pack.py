"""Writes a golden pack: for every question its files, and at last the manifest that names them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trysquare import __version__
from trysquare.dtypes import BFLOAT16, Array, Format
from trysquare.errors import UsageError
from trysquare.packs.answers import Answers, answers
from trysquare.packs.manifest import (
    FORMAT,
    NAME,
    TYPES,
    Answer,
    Encoding,
    File,
    Manifest,
    Questions,
    SpecFile,
    Tensor,
    Undecided,
    digest,
    schema,
    text,
)
from trysquare.packs.questions import Asked, questions
from trysquare.reader import specs_folder
from trysquare.spec import Selected, Spec, Value

SCHEMA = "manifest.schema.json"


@dataclass(frozen=True)
class Packer:
    """Writes into one folder; `told` hears of each set that is finished."""

    folder: Path
    seed: int
    told: Callable[[Questions], None]

    def pack(self, specs: Sequence[Spec], formats: Sequence[Format]) -> Manifest:
        """Write a pack of some functions in some formats.

        Raises UsageError if the folder holds anything, or cannot be written. A folder without a
        manifest is what remains of a pack that was not finished.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if any(self.folder.iterdir()):
                raise UsageError(f"{self.folder}: is not empty; a pack wants a folder of its own")
            sets = tuple(
                self._set(spec, format, asked)
                for spec in specs
                for format in formats
                for asked in questions(spec, format, self.seed)
            )
            manifest = Manifest(FORMAT, __version__, sets)
            (self.folder / SCHEMA).write_text(json.dumps(schema(), indent=1) + "\n", "utf-8")
            (self.folder / NAME).write_text(text(manifest), "utf-8")
        except OSError as error:
            raise UsageError(f"{self.folder}: cannot be written: {error.strerror}") from None
        return manifest

    def _set(self, spec: Spec, format: Format, asked: Asked) -> Questions:
        case = asked.case
        name = f"{spec.function}/{format.name}/{case.slug}"
        inputs = tuple(
            Tensor(key, self._input(f"{name}/{key}", array, format))
            for key, array in case.inputs.items()
        )
        cotangent = None
        if asked.cotangent is not None:
            cotangent = self._input(f"{name}/cotangent", asked.cotangent, format)
        written = Questions(
            name=name,
            function=spec.function,
            spec=_spec_file(spec),
            formula=dict(_formula(spec, case.effective)),
            parameters=case.effective,
            dtype=format.name,
            kind=asked.kind,
            holds=asked.holds,
            seed=self.seed,
            inputs=inputs,
            cotangent=cotangent,
            answers=tuple(
                self._answer(name, standard.case.wrt, answers(standard), format)
                for standard in asked.standards(spec)
            ),
        )
        self.told(written)
        return written

    def _answer(self, folder: str, wrt: str, found: Answers, format: Format) -> Answer:
        name = f"{folder}/d_{wrt}" if wrt else f"{folder}/value"
        extras = None
        if found.extras.any():
            flags = found.extras.astype(np.uint8)
            extras = self._file(f"{name}.extras", flags, Encoding.FLAGS)
        return Answer(
            name=name,
            wrt=wrt,
            answer=self._numbers(name, found.answer, format),
            lowest=self._numbers(f"{name}.lowest", found.lowest, format),
            highest=self._numbers(f"{name}.highest", found.highest, format),
            extras=extras,
            also=tuple(
                self._numbers(f"{name}.also{number}", other, format)
                for number, other in enumerate(found.also, 1)
            ),
            undecided=tuple(_undecided(found, format)),
        )

    def _input(self, name: str, array: Array, format: Format) -> File:
        if array.dtype.kind in "iu":
            return self._file(name, array.astype("<i8"), Encoding.NUMBERS)
        return self._numbers(name, format.widen(array), format)

    def _numbers(self, name: str, values: Array, format: Format) -> File:
        """Write float64 values in the format; every NaN becomes the same one."""
        numbers = format.cast(np.where(np.isnan(values), np.nan, values))
        encoding = Encoding.PATTERNS if format is BFLOAT16 else Encoding.NUMBERS
        little = np.asarray(numbers).view(format.bits).astype(format.bits.newbyteorder("<"))
        return self._file(name, little.view(TYPES[format.name]), encoding)

    def _file(self, name: str, array: Array, encoding: Encoding) -> File:
        stream = io.BytesIO()
        np.lib.format.write_array(
            stream, np.ascontiguousarray(array).reshape(array.shape), (1, 0), allow_pickle=False
        )
        data, path = stream.getvalue(), f"{name}.npy"
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_bytes(data)
        return File(path, digest(data), array.shape, array.size, array.dtype.str, encoding)


def _undecided(found: Answers, format: Format) -> Iterator[Undecided]:
    for place in np.flatnonzero(found.undecided).tolist():
        ends = (format.cast(end.ravel()[place]) for end in (found.low, found.high))
        low, high = (format.hexadecimal(end) for end in ends)
        yield Undecided(place, (low, high))


def _spec_file(spec: Spec) -> SpecFile:
    path, folder = spec.place.path.resolve(), specs_folder().resolve()
    name = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
    return SpecFile(name.as_posix(), digest(path.read_bytes()))


def _formula(spec: Spec, parameters: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Yield what the spec states of value and derivatives, as it holds for these parameters."""
    stated: dict[str, Selected | None] = {**spec.where, "value": spec.formula}
    if spec.reduce is not None:
        stated |= {"loss": spec.formula, "value": spec.reduce}
    stated |= {f"d_{name}": selected for name, selected in spec.gradient.items()}
    for name, selected in stated.items():
        if selected is not None:
            yield name, selected.pick(parameters).text
