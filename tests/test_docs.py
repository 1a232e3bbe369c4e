"""The pages lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s#]+)[^)]*\)")


def broken(page: Path, text: str) -> list[str]:
    """Links of a page to files that are not there."""
    links = (link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link))
    return [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    assert broken(page, page.read_text(encoding="utf-8")) == []


def test_a_broken_link_is_found() -> None:
    text = "[here](docs_of_nothing.md#top) [there](https://example.org) [this](test_docs.py)"
    assert broken(Path(__file__), text) == ["docs_of_nothing.md"]
