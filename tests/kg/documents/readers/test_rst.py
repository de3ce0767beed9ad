"""reStructuredText: text without marks; nothing outside the file is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kg.documents.readers.office import load, text_of


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Weirs\n=====\n\nStone *lasts* **long**.\n\nOak\n---\n\nIt ``rots``.", "# Weirs\n\nStone lasts long.\n\n## Oak\n\nIt rots."),
        ("Weirs\n=====\n\nOf old.\n\nOak\n---\n\nRots.\n\nStone\n=====\n\nLasts.", "# Weirs\n\nOf old.\n\n## Oak\n\nRots.\n\n# Stone\n\nLasts."),
        ("- stone\n- oak\n\n  with tar\n", "- stone\n- oak\n\nwith tar"),
        (".. a remark\n\nseen", "seen"),
        ("seen::\n\n   a = 1\n   b = 2", "seen:\n\n```\na = 1\nb = 2\n```"),
        ("10\\ :sup:`3` of H\\ :sub:`2`\\ O", "10³ of H₂O"),
        (".. note:: Mind the step.", "Mind the step."),
        (".. versionadded:: 3.2\n   The weir.", "3.2\n\nThe weir."),
        (".. py:function:: open(weir)\n   :module: holm\n\n   Opens it.", "open(weir)\n\nOpens it."),
        ("See :func:`~holm.open` and :doc:`the guide <guide>`.", "See holm.open and the guide."),
        ("By `Ida Falk <https://example.org>`_ and the `Holm`_ men.\n\n.. _Holm: https://example.org", "By Ida Falk and the Holm men."),
        ("|w| lasts.\n\n.. |w| replace:: The weir", "The weir lasts."),
        ("It moved [1]_.\n\n.. [1] After the flood.", "It moved .\n\nAfter the flood."),
        ("====  ====\nweir  year\n====  ====\nup    1871\n====  ====", "weir | year\nup | 1871"),
        ("one\ntwo lines", "one two lines"),
        ("| verse one\n| verse two", "verse one\nverse two"),
        (".. toctree::\n\n   a\n   b\n\nseen", "seen"),
        ("seen |today|\n\n.. |today| date::", "seen today"),
        ("+---+\n| a\n+---+\n\nseen", "+---+\n| a\n+---+\n\nseen"),
    ],
)  # fmt: skip
def test_marks_are_no_text(tmp_path: Path, source: str, text: str) -> None:
    found = text_of(load(tmp_path, "d.rst", source.encode()))
    assert " ".join(found.split()) == " ".join(text.split())


@pytest.mark.parametrize(
    "directive",
    [
        ".. include:: {}", ".. literalinclude:: {}", ".. raw:: html\n   :file: {}", ".. csv-table::\n   :file: {}",
        ".. raw:: html\n\n   <b>the password</b>", ".. include:: {}\n   :literal:", ".. |x| date:: the password\n\n|x|",
    ],
)  # fmt: skip
def test_nothing_outside_is_read_and_no_raw_markup_passes(tmp_path: Path, directive: str) -> None:
    (tmp_path / "secret.txt").write_text("the password")
    loaded = load(tmp_path, "d.rst", f"A weir.\n\n{directive.format(tmp_path / 'secret.txt')}\n".encode())
    assert "A weir." in loaded.documents[0].text
    assert "password" not in loaded.documents[0].text


def test_included_files_are_named_and_the_title_and_date_are_taken(tmp_path: Path) -> None:
    source = "=====\nWeirs\n=====\n\n:Date: 2031-03-04\n\nStone.\n\n.. include:: more.rst\n"
    loaded = load(tmp_path, "d.rst", source.encode())
    (document,) = loaded.documents
    assert (document.title, document.date) == ("Weirs", "2031-03-04")
    assert "more.rst" in loaded.notices[0]


def test_a_file_of_marks_alone_holds_no_text(tmp_path: Path) -> None:
    assert "holds no text" in load(tmp_path, "d.rst", b".. a remark\n\n.. _a: b\n").error


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (".. image:: w.png\n   :alt: A weir", "A weir"),
        ("Stone |w| lasts.\n\n.. |w| image:: w.png\n   :alt: of Holm", "Stone of Holm lasts."),
        (".. only:: html\n\n   Stone lasts.", "Stone lasts."),
        ("Stone.\n\n.. automodule:: weir\n   :members:", "Stone."),
        (".. image:: w.png\n\nStone.", "Stone."),
    ],
)
def test_pictures_and_conditions(tmp_path: Path, source: str, text: str) -> None:
    assert text_of(load(tmp_path, "d.rst", source.encode())) == text
