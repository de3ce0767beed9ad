"""XML: the text between tags; exports of MediaWiki page by page."""

from __future__ import annotations

import time
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from kg.documents.wiki.wikitext import plain_text
from tests.kg.documents.readers.office import load, text_of


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<a><b>Stone</b><c>Oak</c></a>", "Stone\n\nOak"),
        ("<a><p>Stone <b>lasts</b> long.</p></a>", "Stone lasts long."),
        ("<?xml version='1.0'?><!-- no --><?style no?><a>Stone<!-- no --> lasts.</a>", "Stone lasts."),
        ("<a><![CDATA[3 < 4 & 5]]></a>", "3 < 4 & 5"),
        ("<!DOCTYPE a [<!-- no --><!ENTITY n 'Ida'>]><a name='no'>&n; Falk</a>", "Ida Falk"),
        ("<x:a xmlns:x='urn:x'>\n  <x:b>\n  Stone\n  lasts\n </x:b></x:a>", "Stone lasts"),
        ("\ufeff<a>Łódź</a>", "Łódź"),
    ],
)
def test_text_between_tags(tmp_path: Path, source: str, text: str) -> None:
    assert text_of(load(tmp_path, "d.xml", source.encode())) == text


def test_encoding_title_and_depth(tmp_path: Path) -> None:
    source = "<?xml version='1.0' encoding='iso-8859-2'?><r><title>Łódź</title><date>2031-03-04</date><p>Stone.</p></r>"
    (document,) = load(tmp_path, "d.xml", source.encode("iso-8859-2")).documents
    assert (document.title, document.date) == ("Łódź", "2031-03-04")
    deep = load(tmp_path, "e.xml", b"<a>" * 100_000 + b"x" + b"</a>" * 100_000)
    assert deep.errors and "cannot be read as .xml" not in deep.error


def test_a_file_without_text_is_skipped_and_a_broken_one_fails(tmp_path: Path) -> None:
    assert "no text between its tags" in load(tmp_path, "d.xml", b"<settings><on value='3'/></settings>").skipped
    for data in (b"<a>Stone", b"<a>&nosuch;</a>", b"Stone", b"", b"%PDF-1.7"):
        assert load(tmp_path, "d.xml", data).errors


def test_feeds_and_pages_show_what_a_reader_sees(tmp_path: Path) -> None:
    item = "<item><title>Weir</title><description>{}</description></item>"
    for description in (
        "<![CDATA[<p>Stone <b>lasts</b>.</p><!-- no -->]]>",
        "&lt;p&gt;Stone &lt;b&gt;lasts&lt;/b&gt;.&lt;/p&gt;&lt;script&gt;no()&lt;/script&gt;",
    ):
        text = text_of(load(tmp_path, "f.xml", f"<rss><channel>{item.format(description)}</channel></rss>".encode()))
        assert text == "Weir\n\nStone lasts."
    markup = '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>On weirs</title><style>no</style></head><body><p>Stone.</p></body></html>'
    (document,) = load(tmp_path, "p.xml", markup.encode()).documents
    assert (document.title, document.text) == ("On weirs", "Stone.")


def page(title: str, text: str, namespace: int = 0, redirect: str = "") -> str:
    mark = f'<redirect title="{redirect}"/>' if redirect else ""
    return (
        f"<page><title>{title}</title><ns>{namespace}</ns>{mark}<revision><timestamp>2031-03-04T10:00:00Z</timestamp>"
        f"<text>{escape(text)}</text></revision></page>"
    )


def export(*pages: str, names: str = "") -> bytes:
    return (
        f'<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/"><siteinfo><namespaces>{names}</namespaces></siteinfo>'
        f"{''.join(pages)}</mediawiki>"
    ).encode()


def test_articles_are_documents_and_the_rest_is_counted(tmp_path: Path) -> None:
    data = export(
        page("Holm", "'''Holm''' has a [[weir]]."),
        page("Talk:Holm", "Is that so?", namespace=1),
        page("Weir of Holm", "#REDIRECT [[Holm]]", redirect="Holm"),
        page("Wehr", "#WEITERLEITUNG [[Holm]]"),
        page("Template:Weir", "x", namespace=10),
        page("Void", "{{stub}}"),
    )
    loaded = load(tmp_path, "w.xml", data)
    (document,) = loaded.documents
    assert (document.source, document.title, document.text, document.date) == (
        "w.xml#Holm", "Holm", "Holm has a weir.", "2031-03-04",
    )  # fmt: skip
    assert loaded.errors == ("Page 'Void' has no text.",)
    assert loaded.notices[0] == "2 redirects are left out: Weir of Holm, Wehr."
    assert loaded.notices[1] == "1 templates are left out, since their text is not in the file: stub 1."
    assert "2 pages that are no articles" in loaded.notices[2] and "Talk 1" in loaded.notices[2]


def test_namespaces_have_the_names_of_their_language(tmp_path: Path) -> None:
    text = "Holm. [[Datei:W.jpg|mini|Ein Wehr]] [[Kategorie:Orte]]"
    names = '<namespace key="6">Datei</namespace><namespace key="14">Kategorie</namespace>'
    assert text_of(load(tmp_path, "w.xml", export(page("Holm", text), names=names))) == "Holm.\n\nEin Wehr"


def test_a_cut_export_gives_the_pages_before(tmp_path: Path) -> None:
    data = export(page("Holm", "A town."), page("Weir", "Of stone."), page("Oak", "A tree."))
    loaded = load(tmp_path, "w.xml", data[: data.index(b"Of stone")])
    assert [document.title for document in loaded.documents] == ["Holm"]
    assert "damaged behind page 1" in loaded.error


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("== Weirs ==\nStone ''lasts''.", "## Weirs\n\nStone lasts."),
        ("Built in 1871.<ref name='a'>Atlas, p. 3</ref> It lasts.<ref name='a'/>", "Built in 1871. It lasts."),
        ("{{Infobox|name=Holm|year={{age|1871}}}}Holm is a town.", "Holm is a town."),
        ("[[Holm (town)|Holm]] by the [[sea]] and [https://example.org its site].", "Holm by the sea and its site."),
        ("[[File:W.jpg|thumb|A [[weir]] in Holm]]Stone.[[Category:Weirs]]", "A weir in Holm Stone."),
        ("Stone.[[File:W.jpg|thumb|left|200px]] [[File:Flag.svg|20px|Flag]] [[:Category:Weirs]] [[de:Wehr]]", "Stone. Category:Weirs"),
        ("{{convert|5|to|7|km|mi}} from {{lang|de|Köln}}, {{formatnum:1200}} m{{cn|date=2031}}", "5 to 7 km from Köln, 1200 m"),
        ("{{nowrap|3 km}}, {{circa|1900}}, {{frac|1|2}}, {{abbr|km|kilometre}}, {{val|3.5|u=kg}}", "3 km, c. 1900, 1/2, km, 3.5 kg"),
        ("; weir : a dam\n:of stone<span style='display:none'>no</span><includeonly>no</includeonly>", "weir a dam of stone"),
        ("{| class='x'\n|+ Weirs\n|-\n| up || +3\n|}", "Weirs up | +3"),
        ("* stone\n* oak", "- stone - oak"),
        ("__NOTOC__Stone lasts.\n__FORCETOC__", "Stone lasts."),
        ("Stone<!-- a secret --> lasts.", "Stone lasts."),
        ("10<sup>3</sup> &ndash; &amp; more", "10³ – & more"),
        ("{| class='x'\n! weir !! year\n|-\n| up || 1871\n|}", "weir | year up | 1871"),
        ("A <math>x^2</math> b<gallery>File:x.jpg|A weir\nFile:y.jpg</gallery> c", "A x^2 b A weir c"),
    ],
)  # fmt: skip
def test_wikitext(markup: str, text: str) -> None:
    assert " ".join(plain_text(markup).split()) == " ".join(text.split())


def test_an_article_with_thousands_of_references_takes_no_time() -> None:
    began = time.monotonic()
    plain_text("'''Holm''' [[weir]] {{x|y}} text <ref>a</ref>\n" * 3000)
    assert time.monotonic() - began < 20
