"""Golden packs: seconds and size of every function, for 16-bit formats and for wide ones.

CPU seconds, one function after the other in this process; arguments are names or globs.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from trysquare.command import selection
from trysquare.dtypes import FORMATS, Format
from trysquare.packs.pack import Packer
from trysquare.spec import Spec


def main() -> None:
    """Pack every function twice and print a table."""
    narrow = [format for format in FORMATS.values() if format.width == 16]
    wide = [format for format in FORMATS.values() if format.width > 16]
    print(
        f"{'function':<20}{'16 bits':>10}{'32 and 64':>11}{'answers':>10}{'undecided':>11}{'MB':>7}"
    )
    totals = [0.0, 0.0]
    for spec in selection.specs((), sys.argv[1:]):
        rows = [measured(spec, formats) for formats in (narrow, wide)]
        seconds = [row[0] for row in rows]
        totals = [total + one for total, one in zip(totals, seconds, strict=True)]
        answers, undecided, size = (sum(row[place] for row in rows) for place in (1, 2, 3))
        print(
            f"{spec.function:<20}{seconds[0]:>8.1f} s{seconds[1]:>9.1f} s"
            f"{answers:>10,}{undecided:>11}{size / 1e6:>7.1f}"
        )
    print(f"{'all':<20}{totals[0]:>8.1f} s{totals[1]:>9.1f} s")


def measured(spec: Spec, formats: list[Format]) -> tuple[float, int, int, int]:
    """Return CPU seconds, answers, undecided ones and bytes of one pack."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        manifest = Packer(Path(folder), 0, lambda _: None).pack([spec], formats)
        seconds = time.process_time() - began
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.*"))
    answers = [answer for asked in manifest.sets for answer in asked.answers]
    undecided = sum(len(answer.undecided) for answer in answers)
    return seconds, sum(answer.answer.count for answer in answers), undecided, size


if __name__ == "__main__":
    main()
