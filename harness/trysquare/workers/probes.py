"""What a worker finds out before any verdict: are converters faithful, are subnormals kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from trysquare.backend import INDEX_DTYPE, Array, Backend, Target
from trysquare.dtypes import FORMATS, Format
from trysquare.errors import Unsupported

VECTORS = {"avx512f": "AVX512", "avx2": "AVX2", "avx": "AVX", "asimd": "NEON", "sse2": "SSE2"}
REPEATS = 33
"""Long enough for a vector body and a scalar tail."""


def special_patterns(form: Format) -> Array:
    """Return every special value of a format, with both signs: zeros, edges, infinities, NaNs."""
    fraction = form.precision - 1
    infinity = (2 * form.emax + 1) << fraction
    quiet = 1 << (fraction - 1)
    magnitudes = [
        0,
        1,
        (1 << fraction) - 1,
        1 << fraction,
        form.emax << fraction,
        infinity - 1,
        infinity,
        infinity | quiet,
        infinity | quiet | 5,
        infinity | 3,
    ]
    sign = 1 << (form.width - 1)
    return np.array([s | m for s in (0, sign) for m in magnitudes], form.bits)


def samples(dtypes: Collection[str]) -> Iterator[tuple[str, list[Array]]]:
    """Yield what is sent to see whether it comes back: special values, together and each alone."""
    for name, form in FORMATS.items():
        if name in dtypes:
            yield name, _alone_too(special_patterns(form).view(form.numpy))
    limits = np.iinfo(np.int64)
    yield INDEX_DTYPE, _alone_too(np.array([0, -1, limits.min, limits.max], np.int64))


def _alone_too(values: Array) -> list[Array]:
    return [values, *(values[i : i + 1].reshape(()) for i in range(values.size))]


def difference(sent: Array, back: Array) -> str:
    """Return how an array that came back differs from what was sent, or nothing."""
    if (back.dtype, back.shape) != (sent.dtype, sent.shape):
        return f"{sent.dtype} of shape {sent.shape} came back as {back.dtype} {back.shape}"
    if back.tobytes() != sent.tobytes():
        return f"0x{_first_difference(sent, back)}"
    return ""


def _first_difference(sent: Array, back: Array) -> str:
    size = sent.itemsize
    pairs = zip(_chunks(sent.tobytes(), size), _chunks(back.tobytes(), size), strict=True)
    before, after = next((a, b) for a, b in pairs if a != b)
    return f"{before[::-1].hex()} came back as 0x{after[::-1].hex()}"


def _chunks(raw: bytes, size: int) -> list[bytes]:
    return [raw[i : i + size] for i in range(0, len(raw), size)]


def unfaithful(backend: Backend, target: Target) -> Mapping[str, str]:
    """Return the dtypes that do not come back bit for bit, and what came back instead."""
    found = {}
    for name, arrays in samples(backend.dtypes(target)):
        complaint = next(filter(None, (_round_trip(backend, target, one) for one in arrays)), "")
        if complaint:
            found[name] = complaint
    return found


def _round_trip(backend: Backend, target: Target, sent: Array) -> str:
    try:
        back = backend.to_array(backend.to_tensor(sent, target.device))
    except Exception as error:  # noqa: BLE001 - whatever a framework raises
        return f"{type(error).__name__}: {error}"
    return difference(sent, back)


def factors(form: Format) -> Mapping[str, tuple[Array, Array]]:
    """Return pairs whose product has a subnormal number among its `inputs` or as its `results`.

    No product is zero.
    """
    fraction = form.precision - 1
    subnormals = form.from_bits(np.resize([1, (1 << fraction) - 1, 1 << (fraction - 1)], REPEATS))
    normals = form.from_bits(np.full(REPEATS, 1 << fraction))
    return {
        "inputs": (subnormals, form.cast(np.full(REPEATS, 2.0 ** (fraction + 2)))),
        "results": (normals, form.cast(np.full(REPEATS, 0.5))),
    }


def has_zero(form: Format, product: Array) -> bool:
    """Tell it by bit pattern: where inputs are flushed, a comparison with zero would lie."""
    return bool((product.view(form.bits) == 0).any())


def flushes(backend: Backend, target: Target) -> Mapping[str, tuple[str, ...]]:
    """Return the dtypes in which a product has subnormal `inputs` or `results` become zero."""
    found = {}
    for name, form in FORMATS.items():
        if name in backend.dtypes(target):
            try:
                what = _flushed(backend, target, form)
            except Exception as error:
                if isinstance(error, Unsupported) or backend.lacks(error):
                    continue
                raise
            if what:
                found[name] = what
    return found


def _flushed(backend: Backend, target: Target, form: Format) -> tuple[str, ...]:
    def product(a: Array, b: Array) -> Array:
        tensors = (backend.to_tensor(factor, target.device) for factor in (a, b))
        return backend.to_array(backend.multiply(*tensors))

    pairs = factors(form).items()
    return tuple(what for what, (a, b) in pairs if has_zero(form, product(a, b)))


def cpu_capability(path: Path = Path("/proc/cpuinfo")) -> str:
    """Return the widest vector instructions here, by which libraries choose their kernels."""
    try:
        flags = set(path.read_text(encoding="utf-8").split())
    except OSError:
        return "unknown"
    return next((name for flag, name in VECTORS.items() if flag in flags), "scalar")


def cpu_vendor(path: Path = Path("/proc/cpuinfo")) -> str:
    """Return who made the processor, by which some libraries choose as well."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    pairs = (line.partition(":") for line in lines)
    return next((text.strip() for name, _, text in pairs if name.strip() == "vendor_id"), "unknown")


def keeps_subnormals() -> bool:
    """Whether NumPy, in this thread, still computes with subnormals."""
    return bool((np.array([1e-40], np.float32) * np.float32(1e10) != 0).all())
