"""Stand-alone scripts that show a divergence with the framework alone."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from trysquare.backend import Array, Backend, Call, Target, Want
from trysquare.framework import Framework, Snippets
from trysquare.result import Symptom
from trysquare.spec import Spec
from trysquare.workers.frames import Json, malformed

LISTED = 24
"""So many numbers are written out; more travel compressed."""
LINE = 92


@dataclass(frozen=True)
class Claim:
    """What a script has to confirm.

    `output` is "output", or the input whose gradient diverges, `index` the element. The truth is
    `want` + `rest`, with `want` in the dtype and a `rest` of 0 where it decides nothing, and the
    element conforms within `allowed` (absolute). For the symptom BITS it is what a call of
    reference gives at `elsewhere`, to the last bit. For the symptoms DTYPE and SHAPE, `dtype` and
    `shape` are what is wanted. For RANGE, COURSE and IDENTITY, `want` is the answer that lacks a
    property, and must not come. Without symptom, the call crashes or does not end.
    """

    symptom: Symptom | None
    output: str = "output"
    index: tuple[int, ...] = ()
    want: float = 0.0
    allowed: float = 0.0
    dtype: str = ""
    shape: tuple[int, ...] = ()
    elsewhere: tuple[int, ...] = ()
    rest: float = 0.0


def pack_claim(claim: Claim) -> Json:
    """Return a claim as JSON."""
    return {
        "symptom": claim.symptom,
        "output": claim.output,
        "index": [int(i) for i in claim.index],
        "want": float(claim.want).hex(),
        "allowed": float(claim.allowed).hex(),
        "rest": float(claim.rest).hex(),
        "dtype": claim.dtype,
        "shape": [int(size) for size in claim.shape],
        "elsewhere": [int(i) for i in claim.elsewhere],
    }


def unpack_claim(packed: Json) -> Claim:
    """Return the claim that was packed; ProtocolError if it is none."""
    with malformed("claim"):
        return Claim(
            symptom=None if packed["symptom"] is None else Symptom(packed["symptom"]),
            output=str(packed["output"]),
            index=tuple(int(i) for i in packed["index"]),
            want=float.fromhex(packed["want"]),
            allowed=float.fromhex(packed["allowed"]),
            rest=float.fromhex(packed["rest"]),
            dtype=str(packed["dtype"]),
            shape=tuple(int(size) for size in packed["shape"]),
            elsewhere=tuple(int(i) for i in packed["elsewhere"]),
        )


def script(
    backend: Backend,
    target: Target,
    spec: Spec,
    call: Call,
    claim: Claim,
    reference: Call | None = None,
) -> str:
    """Return a script that ends with exit code 1 if the divergence shows, and 0 if it does not.

    Empty where there is nothing public to call. Raises Unsupported like the call itself.
    """
    if not isinstance(backend, Framework) or claim.symptom is Symptom.DISTRIBUTION:
        return ""
    title = f"{spec.function} on {target}, {backend.name} {backend.version()}"

    def written(one: Call) -> str:
        return backend.resolve(spec, one).text()

    return written_out(Wording(title, backend.snippets, target, written), call, claim, reference)


@dataclass(frozen=True)
class Wording:
    """The words of a backend; `written` gives a call as a Python expression."""

    title: str
    snippets: Snippets
    target: Target
    written: Callable[[Call], str]


def written_out(wording: Wording, call: Call, claim: Claim, reference: Call | None) -> str:
    """Return the script in these words."""
    words, target, written = wording.snippets, wording.target, wording.written
    text = written(call)
    lines = [f"# {wording.title}"]
    lines += _imports(words, (call,) if reference is None else (reference, call))
    if reference is not None:
        lines += _tensors(words, target, reference)
        lines += _run(words, reference, written(reference))
        got = _got(reference, claim)
        lines += [f"want = {words.number.format(tensor=got, index=claim.elsewhere)}", ""]
    lines += _tensors(words, target, call)
    if claim.symptom is Symptom.MUTATED:
        lines += [f"before = [{_each(words.raw, call.inputs)}]"]
    if call.seed is not None:
        lines += [words.seed.format(number=call.seed)]
    run = _run(words, call, text)
    if claim.symptom is Symptom.ACCEPTED:
        lines += ["try:", *(f"    {line}" for line in run)]
        lines += ["except Exception as error:", '    print("raised", type(error).__name__, error)']
        lines += ["else:", '    raise AssertionError(f"accepted, gives {output}")']
    else:
        lines += run + _verdict(words, call, claim)
    return "\n".join(lines) + "\n"


def _imports(words: Snippets, calls: Iterable[Call]) -> list[str]:
    arrays = [array for call in calls for _, array in _arrays(call)]
    compressed = ["import base64", "import zlib", ""] if any(map(_is_long, arrays)) else []
    return [*compressed, "import numpy as np", *words.imports.splitlines(), ""]


def _arrays(call: Call) -> Iterator[tuple[str, Array]]:
    yield from call.inputs.items()
    if call.cotangent is not None:
        yield "cotangent", call.cotangent


def _tensors(words: Snippets, target: Target, call: Call) -> list[str]:
    """Return the lines that make the tensors of a call, as they lie in memory."""
    lines = [words.threads.format(count=call.threads)] if call.threads != 1 else []
    for name, array in _arrays(call):
        lines += _tensor(words, target, name, array)
        if call.form.suits(array):
            lines += [f"{name} = {words.forms[call.form].format(tensor=name)}"]
    return lines


def _is_long(array: Array) -> bool:
    return array.size > LISTED and not _is_whole_format(array)


def _is_whole_format(array: Array) -> bool:
    return (
        array.itemsize == 2
        and array.size == 1 << 16
        and bool((array.reshape(-1).view(np.uint16) == np.arange(1 << 16)).all())
    )


def _tensor(words: Snippets, target: Target, name: str, array: Array) -> list[str]:
    """Return the lines that make a tensor with exactly these bits."""
    dtype, patterns = array.dtype.name, f"np.uint{8 * array.itemsize}"
    if dtype == "bool":
        patterns = "np.uint8"
    before, code, remark = [], "", ""
    bits = array.reshape(-1).view(f"u{array.itemsize}")
    if _is_whole_format(array):
        code = f"np.arange(65536, dtype={patterns})"
    elif array.size <= LISTED:
        digits = 2 * array.itemsize
        code = f"np.array([{', '.join(f'0x{int(b):0{digits}x}' for b in bits)}], {patterns})"
        remark = f"  # {', '.join(str(value) for value in array.reshape(-1).tolist())}"
    else:
        packed = base64.b85encode(zlib.compress(array.tobytes(), 9)).decode()
        pieces = [packed[i : i + LINE] for i in range(0, len(packed), LINE)]
        before = [f"{name} = (", *(f'    "{piece}"' for piece in pieces), ")"]
        code = f"np.frombuffer(zlib.decompress(base64.b85decode({name})), {patterns}).copy()"
    if dtype == "bfloat16":
        template = words.bfloat16
    else:
        code, template = f"{code}.view(np.{dtype if dtype != 'bool' else 'bool_'})", words.tensor
    if array.shape != (array.size,):
        code = f"{code}.reshape({array.shape})"
    return [*before, f"{name} = {template.format(array=code, device=target.device)}{remark}"]


def _each(template: str, names: Iterable[str]) -> str:
    return ", ".join(template.format(tensor=name) for name in names)


def _run(words: Snippets, call: Call, text: str) -> list[str]:
    if call.want not in {Want.GRADIENT, Want.SECOND, Want.SAVED}:
        return [f"output = {text}"]
    needed = []
    if call.want is Want.SAVED:
        needed = [f"{name} = {words.needed.format(tensor=name)}" for name in call.wrt]
    template = words.second if call.want is Want.SECOND else words.gradient
    lines = template.format(
        wrt="".join(f"{name}, " for name in call.wrt).rstrip(),
        needed="\n".join(needed),
        call=text,
        cotangent=words.ones if call.cotangent is None else "cotangent",
    )
    return [line for line in lines.splitlines() if line]


def _got(call: Call, claim: Claim) -> str:
    return "output" if claim.output == "output" else f"gradients[{call.wrt.index(claim.output)}]"


def _verdict(words: Snippets, call: Call, claim: Claim) -> list[str]:
    """Return the lines that compare; they fail if the divergence is there."""
    got = _got(call, claim)
    match claim.symptom:
        case None | Symptom.RAISED:
            return [f'print("accepted, gives", {got})']
        case Symptom.DTYPE:
            return _equal(words.dtype.format(tensor=got), repr(claim.dtype))
        case Symptom.SHAPE:
            return _equal(words.shape.format(tensor=got), repr(claim.shape))
        case Symptom.MUTATED:
            return [f"assert before == [{_each(words.raw, call.inputs)}], 'inputs have changed'"]
        case Symptom.STORAGE:
            inputs = _each(words.storage, call.inputs)
            return [f"assert {words.storage.format(tensor=got)} in [{inputs}], 'new storage'"]
        case Symptom.ARITHMETIC:
            return [*STRAIGHT]
        case Symptom.BITS:
            return [
                f"got = {words.number.format(tensor=got, index=claim.index)}",
                'print("here     ", got, got.hex())',
                'print("elsewhere", want, want.hex())',
                "assert got.hex() == want.hex()",
            ]
        case Symptom.RANGE | Symptom.COURSE | Symptom.IDENTITY:
            return _unwanted(words.number.format(tensor=got, index=claim.index), claim)
        case _:
            return _number(words.number.format(tensor=got, index=claim.index), claim)


STRAIGHT = (
    'one, small, subnormal = float("1"), float("1e-18"), float("1e-310")',
    "assert one + small == one == -(-one - small), 'rounds in one direction'",
    "assert one + 180 * small > one, 'rounds towards zero'",
    "assert subnormal * one > 0 and 1e-300 * 1e-10 * one > 0, 'has no subnormals'",
)
"""Lines that fail where the thread does not compute as it should, whatever it was told before."""


def _equal(got: str, want: str) -> list[str]:
    return [
        f"got, want = {got}, {want}",
        'print("got ", got)',
        'print("want", want)',
        "assert got == want",
    ]


def _unwanted(got: str, claim: Claim) -> list[str]:
    """Return the lines that fail as long as the same answer comes."""
    return [
        f"got = {got}",
        f'unfit = float.fromhex("{float(claim.want).hex()}")',
        'print("got  ", got, got.hex())',
        'print("unfit", unfit, unfit.hex())',
        "assert got.hex() != unfit.hex()",
    ]


def _number(got: str, claim: Claim) -> list[str]:
    lines = [
        f"got = {got}",
        f'want = float.fromhex("{float(claim.want).hex()}")',
        'print("got ", got, got.hex())',
        'print("want", want, want.hex())',
    ]
    if math.isnan(claim.want):
        return [*lines, "assert got != got"]
    if claim.symptom is Symptom.SIGN_OF_ZERO:
        return [*lines, "assert got.hex() == want.hex()"]
    if math.isinf(claim.want) or claim.allowed == 0:
        return [*lines, "assert got == want"]
    allowed = f'float.fromhex("{float(claim.allowed).hex()}")'
    if claim.rest == 0:
        return [*lines, f"assert abs(got - want) <= {allowed}"]
    rest = f'rest = float.fromhex("{float(claim.rest).hex()}")'
    remark = "  # of the truth, which is want + rest"
    return [*lines, rest + remark, f"assert abs(got - want - rest) <= {allowed}"]
