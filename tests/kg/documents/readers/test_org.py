"""Org files: headings, text and code without planning, drawers and comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kg.documents.readers.office import load, text_of


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("* Weirs\nStone lasts.\n** Oak\nIt rots.", "# Weirs\n\nStone lasts.\n\n## Oak\n\nIt rots."),
        ("* TODO [#A] Mend the weir :work:\nSoon.", "# Mend the weir\n\nSoon."),
        ("* Weirs\nSCHEDULED: <2031-03-04>\n:PROPERTIES:\n:ID: 7\n:END:\nStone.", "# Weirs\n\nStone."),
        ("# a remark\nseen\n#+BEGIN_COMMENT\nnot seen\n#+END_COMMENT\nagain", "seen\nagain"),
        ("#+BEGIN_SRC python\na = 1  # seen\n#+END_SRC", "```python\na = 1  # seen\n```"),
        ("#+BEGIN_QUOTE\nStone lasts.\n#+END_QUOTE", "Stone lasts."),
        ("By [[https://example.org][Ida Falk]].", "By Ida Falk."),
        ("| weir | year |\n|------+------|\n| up | 1871 |", "| weir | year |\n| up | 1871 |"),
        ("- stone\n- oak", "- stone\n- oak"),
        ("#+begin_src sh\nls\n* Heading\n#+end_src\nseen", "```sh\nls\n```\n\n# Heading\n\nseen"),
        ("* Seen\na\n* COMMENT Hidden\nnot seen\n** below\nnor this\n* Again\nb", "# Seen\n\na\n\n# Again\n\nb"),
    ],
)
def test_text_of_org(tmp_path: Path, source: str, text: str) -> None:
    assert text_of(load(tmp_path, "d.org", source.encode())) == text


@pytest.mark.parametrize(
    ("head", "title", "date"),
    [
        ("#+TITLE: On weirs\n#+DATE: 2031-03-04\n", "On weirs", "2031-03-04"),
        ("#+title: On weirs\n#+date: <2031-03-04 Tue>\n", "On weirs", "2031-03-04"),
        ("#+date: 4 March 2031\n* Stone\n", "Stone", "2031-03-04"),
        ("", "d", ""),
    ],
)
def test_title_and_date(tmp_path: Path, head: str, title: str, date: str) -> None:
    (document,) = load(tmp_path, "d.org", f"{head}Stone lasts.".encode()).documents
    assert (document.title, document.date) == (title, date)
    assert "TITLE" not in document.text


def test_a_file_of_settings_alone_holds_no_text(tmp_path: Path) -> None:
    assert "holds no text" in load(tmp_path, "d.org", b"#+TITLE: On weirs\n# a remark\n").error


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Stone @@html:<b>@@lasts@@html:</b>@@.", "Stone lasts."),
        ("[[file:weir.png]]\nStone.", "Stone."),
        ("#+CAPTION: A weir\n[[file:img/w.SVG]]", "A weir"),
        ("See [[file:weir.png][the weir]].", "See the weir."),
        ("See [[file:notes.org]].", "See file:notes.org."),
    ],
)
def test_pictures_and_markup_for_export_are_no_text(tmp_path: Path, source: str, text: str) -> None:
    assert text_of(load(tmp_path, "d.org", source.encode())) == text
