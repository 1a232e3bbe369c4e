"""The commands around golden packs: `pack`, `verify`."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import click

from trysquare.cli.options import ANY_FILE, DTYPES, SEEDED, Code, plural, schema_of

FOLDER = click.Path(file_okay=False, path_type=Path)


def _schema() -> object:
    from trysquare.packs.manifest import schema

    return schema()


@click.command()
@click.argument("functions", metavar="FUNCTION...", nargs=-1, required=True)
@DTYPES
@SEEDED
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    default="golden",
    show_default=True,
    metavar="FOLDER",
    help="Where to; a new or an empty folder.",
)
@schema_of("a manifest", _schema)
def pack(functions: tuple[str, ...], dtypes: tuple[str, ...], seed: int, output: Path) -> int:
    """Write the correctly rounded answers of FUNCTIONs (names or globs) as files."""
    from trysquare.command import selection
    from trysquare.dtypes import FORMATS
    from trysquare.packs.manifest import Questions
    from trysquare.packs.pack import Packer

    chosen = selection.specs((), functions)
    formats = [FORMATS[name] for name in selection.members(dtypes, FORMATS, "dtype")]

    def told(questions: Questions) -> None:
        answers = questions.answers
        count = sum(answer.answer.count for answer in answers)
        undecided = sum(len(answer.undecided) for answer in answers)
        unknown = f", {undecided} undecided" if undecided else ""
        click.echo(f"{questions.name}: {count} answers, {questions.kind}{unknown}")

    manifest = Packer(output, seed, told).pack(chosen, formats)
    size = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
    click.echo(
        f"wrote {output}: {plural(len(manifest.sets), 'set')}, {size / 1e6:.1f} MB", err=True
    )
    return Code.EXPECTED


@click.command()
@click.argument("pack", type=ANY_FILE)
@click.argument("outputs", type=ANY_FILE)
@click.option(
    "--ulp", type=click.FloatRange(min=0.5), metavar="N",
    help="Accept what is certainly within N ULP of the exact result; 0.5 is correctly rounded. "
    "[default: what the tolerance of each spec accepts]",
)  # fmt: skip
def verify(pack: Path, outputs: Path, ulp: float | None) -> int:
    """Judge OUTPUTS, arrays computed anywhere, by the answers of PACK; needs NumPy alone."""
    from trysquare.packs import verify as judge

    # some of the words are those of the files
    printable = import_module("trysquare_reports.verdict").printable
    report = judge.verify(pack, outputs, ulp)
    for line in judge.lines(report):
        click.echo(printable(line))
    if report.misfits:
        return Code.USAGE
    return Code.EXPECTED if report.accepted else Code.UNEXPECTED
