"""Books: the chapters in the order of the spine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kg.documents.readers.office import archive_of, load, text_of

CONTAINER = '<container><rootfiles><rootfile full-path="{}"/></rootfiles></container>'


def page(body: str) -> str:
    return f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>{body}</body></html>'


def book(chapters: dict[str, str], spine: list[str], folder: str = "OEBPS/", extra: str = "", **members: str) -> bytes:
    items = "".join(
        f'<item id="{name}" href="{name.replace(" ", "%20")}" media-type="application/xhtml+xml"/>' for name in chapters
    )
    references = "".join(f'<itemref idref="{name}"/>' for name in spine)
    package = (
        '<package xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>The weirs of Holm</dc:title><dc:date>'
        f"2031-03-04</dc:date></metadata><manifest>{items}{extra}</manifest><spine>{references}</spine></package>"
    )
    return archive_of(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER.format(f"{folder}b.opf"),
            f"{folder}b.opf": package,
            **{f"{folder}{name}": text for name, text in chapters.items()},
            **members,
        }
    )


CHAPTERS = {"two.xhtml": page("<h1>Oak</h1><p>It rots.</p>"), "one.xhtml": page("<h1>Stone</h1><p>It lasts.</p>")}


@pytest.mark.parametrize("folder", ["", "OEBPS/", "a/b/"])
def test_chapters_come_in_the_order_of_the_spine(tmp_path: Path, folder: str) -> None:
    loaded = load(tmp_path, "b.epub", book(CHAPTERS, ["one.xhtml", "two.xhtml"], folder))
    assert text_of(loaded) == "# Stone\n\nIt lasts.\n\n# Oak\n\nIt rots."
    assert (loaded.documents[0].title, loaded.documents[0].date) == ("The weirs of Holm", "2031-03-04")


def test_names_with_spaces_and_chapters_named_twice(tmp_path: Path) -> None:
    data = book({"chapter one.xhtml": page("<p>It lasts.</p>")}, ["chapter one.xhtml", "chapter one.xhtml"])
    assert text_of(load(tmp_path, "b.epub", data)) == "It lasts."


def test_navigation_and_hidden_text_are_left_out(tmp_path: Path) -> None:
    extra = '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>'
    chapter = page("<!-- a secret --><p>It lasts.</p><p hidden='hidden'>not this</p><script>var no = 1;</script>")
    data = book(
        {"one.xhtml": chapter}, ["nav", "one.xhtml"], extra=extra, **{"OEBPS/nav.xhtml": page("<p>Contents</p>")}
    )
    assert text_of(load(tmp_path, "b.epub", data)) == "It lasts."


def test_a_missing_chapter_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    extra = '<item id="gone" href="gone.xhtml" media-type="application/xhtml+xml"/>'
    loaded = load(tmp_path, "b.epub", book(CHAPTERS, ["one.xhtml", "gone", "two.xhtml"], extra=extra))
    assert (
        "gone.xhtml" in loaded.error
        and "It rots." in loaded.documents[0].text
        and "It lasts." in loaded.documents[0].text
    )


@pytest.mark.parametrize(
    ("algorithm", "reads"),
    [
        ("http://www.idpf.org/2008/embedding", True),
        ("http://ns.adobe.com/pdf/enc#RC", True),
        ("http://www.w3.org/2001/04/xmlenc#aes128-cbc", False),
        ("http://readium.org/2014/01/lcp", False),
        ("", False),
    ],
)
def test_a_protected_book_says_so_and_protected_fonts_do_not_matter(
    tmp_path: Path, algorithm: str, reads: bool
) -> None:
    encryption = f'<encryption><EncryptedData><EncryptionMethod Algorithm="{algorithm}"/></EncryptedData></encryption>'
    loaded = load(tmp_path, "b.epub", book(CHAPTERS, ["one.xhtml"], **{"META-INF/encryption.xml": encryption}))
    assert bool(loaded.documents) == reads
    assert reads or "protected against copying" in loaded.error


def test_what_is_no_book_is_one_sentence(tmp_path: Path) -> None:
    assert "container.xml" in load(tmp_path, "b.epub", archive_of({"a": "b"})).error
    assert "names no package" in load(tmp_path, "b.epub", archive_of({"META-INF/container.xml": "<container/>"})).error
    assert "may be images" in load(tmp_path, "b.epub", book({"i.xhtml": page("<img src='a.png'/>")}, ["i.xhtml"])).error
    assert "a PDF" in load(tmp_path, "b.epub", b"%PDF-1.7").error


def test_a_book_without_a_spine_has_its_chapters_in_the_order_of_its_list(tmp_path: Path) -> None:
    text = text_of(load(tmp_path, "b.epub", book(CHAPTERS, [])))
    assert text.index("It rots.") < text.index("It lasts.")
