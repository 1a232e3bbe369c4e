"""Writes docs/mutation.md: mutants of every formula, and who notices them; `--check` compares."""  # noqa: INP001 - a script

from __future__ import annotations

import sys
from pathlib import Path

from trysquare.command.mutation import page, score, total
from trysquare.reader import read_all, specs_folder

PAGE = Path(__file__).parent / "mutation.md"
CURRENT, STALE = 0, 1
HEAD = """\
# Mutation of the specs

Every formula, `where` and `reduce` of every spec is changed in one place: an operator, a constant,
a branch, a sign, the boundary or the direction of a comparison, a function for a related one. A
mutant is caught if a named case of the same spec states another number than the mutant gives, in
any digit that is stated, or if the mutant lacks a property of the spec. Nothing else counts: not
the definition, not the stated gradient, not the dialects.

Mutants that are the same function, in exact arithmetic and for infinities and NaN, as far as a
dense sample of inputs can tell, are *equal* and do not count; they are listed, so that anybody can
look. So is a difference below 2^-100 of the value, which no format and no proof of a rounding sees:
a fraction that has no end is cut off somewhere. *Survivors* are mutants that nothing notices; among
them are those that give NaN instead of a limit, or the limit instead of NaN, where a case says that
both are right. `python docs/mutation.py` writes this page.

"""


def text() -> str:
    """Return the page."""
    found = [score(spec) for spec in read_all([specs_folder()])]
    counted = sum(one.counted for one in found)
    caught = sum(one.caught for one in found)
    share = f"**{caught:,} of {counted:,} mutants are caught: {100 * total(found):.1f} %.**\n\n"
    return HEAD + share + "\n".join(page(found)) + "\n"


def main() -> int:
    """Write the page, or tell whether it is as it would be written."""
    if "--check" in sys.argv[1:]:
        return CURRENT if PAGE.read_text(encoding="utf-8") == text() else STALE
    PAGE.write_text(text(), encoding="utf-8")
    return CURRENT


if __name__ == "__main__":
    sys.exit(main())
