"""Markdown: front matter, titles, and a text without what no reader sees."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.documents.parts import Notice, Part, RawDocument, SourceFile
from kg.documents.readers.markdown import read_markdown
from kg.documents.web.markdown import visible_markdown

PICTURE = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUg" * 40 + "=="


def parts_of(folder: Path, content: str) -> list[Part]:
    path = folder / "note.md"
    path.write_text(content, encoding="utf-8")
    return list(read_markdown(SourceFile(path, "note.md")))


def read(folder: Path, content: str) -> RawDocument:
    (document,) = parts_of(folder, content)
    assert isinstance(document, RawDocument)
    return document


def text_of(source: str) -> str:
    return visible_markdown(source).text


@pytest.mark.parametrize(
    ("front_matter", "title", "date"),
    [
        ("---\nTitle: The bridge\ndate: 2031-03-04\ntags: [a]\n---\n", "The bridge", "2031-03-04"),
        ("---\ntitle: Bridge: the end\ndate: 4 March 2031\n---\n", "Bridge: the end", "2031-03-04"),
        ("---\ntitle: T\ndate: 2031-02-30\n---\n", "T", ""),  # an impossible date does not lose the document
        ("---\naliases:\n  - Old bridge\ncreated: 2031-03-04T08:00\n---\n", "Other", "2031-03-04"),
        ('+++\ntitle = "The bridge"\ndate = 2031-03-04\n+++\n', "The bridge", "2031-03-04"),
        ("---\n---\n", "Other", ""),
    ],
)
def test_front_matter_becomes_title_and_date(tmp_path: Path, front_matter: str, title: str, date: str) -> None:
    document = read(tmp_path, front_matter + "\n# Other\nText.\n")
    assert (document.title, document.date, document.text) == (title, date, "# Other\nText.")


def test_rules_are_not_front_matter(tmp_path: Path) -> None:
    text = "---\nA plain paragraph.\n\n---\n\n# The heading #\n\nMore."
    document = read(tmp_path, text)
    assert (document.text, document.title) == (text, "The heading")


@pytest.mark.parametrize(
    ("source", "title"),
    [
        ("```sh\n# install\n```\n\n# Weir", "Weir"),
        ("~~~~\n# a\n~~~\n# b\n~~~~\n# Weir", "Weir"),
        ("    # indented\n\n# Weir", "Weir"),
        ("- ```\n  # in a list\n  ```\n\n# Weir", "Weir"),
        ("> # quoted\n\n# Weir", "Weir"),
        ("<!--\n# draft\n-->\n# Weir", "Weir"),
        ("```\n# never closed", ""),
        ("#hashtag\n\n## Second", ""),
        ("The *old* weir\n===\n\n# Other", "The old weir"),
        ("# [Weir](a.md) `x` <!-- no -->", "Weir x"),
        ('<h1 align="center"><img src="a.png"> Weir</h1>\n\nText', "Weir"),
    ],
)
def test_the_title_is_the_first_heading_that_is_seen(source: str, title: str) -> None:
    assert visible_markdown(source).title == title


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("The weir <!-- UNSEEN --> stands.", "The weir  stands."),
        ("One.\n\n<!--\nUNSEEN\n\n# UNSEEN\n-->\n\nTwo.", "One.\n\nTwo."),
        ("- a\n  <!-- UNSEEN\n  UNSEEN -->\n- b", "- a\n- b"),
        ("<!-->\nSeen.", "\nSeen."),
        ("a %%UNSEEN%% b\n\n%%\nUNSEEN\n%%\nc, 5% or 6%%", "a  b\n\nc, 5% or 6%%"),
        ("a<script>UNSEEN</script>b<style>UNSEEN</style>", "ab"),
        ("<div hidden><div>UNSEEN</div>UNSEEN</div>Seen.", "Seen."),
        ("<span style='display:none'>UNSEEN</span>Seen.", "Seen."),
        ("<p align='center'>Seen<br>too</p>", "Seen too\n"),
        ("10<sup>3</sup> m, CO<sub>2</sub>", "10³ m, CO₂"),
        ("[Weir](http://tarn.example/weir_(old) 'UNSEEN') stands", "Weir stands"),
        ("[![Built](http://a/b.svg)](http://UNSEEN)", "Built"),
        ("[Weir][w] and [W]\n\n[w]: http://UNSEEN\n    'UNSEEN'", "Weir and W\n"),
        (f"![The gate]({PICTURE}) [map]({PICTURE}) <img alt='A lock' src='{PICTURE}'>", "The gate map A lock"),
        (f"![The gate][g] stands\n\n[g]: {PICTURE}\n", "The gate stands\n\n"),
        ("[[Ida Rook]], [[people/Tom|Tom]], [[Weir#Gates]], [[#Lock]], #barges", "Ida Rook, Tom, Weir > Gates, Lock, #barges"),
        ("![[gate.png|300]]![[gate.png|The gate]] ![[Lock]]", "The gate Lock"),
        ("| [[Ida\\|I. Rook]] | 4 |", "| I. Rook | 4 |"),
    ],
)  # fmt: skip
def test_what_no_reader_sees_is_not_text(source: str, text: str) -> None:
    assert text_of(source) == text


@pytest.mark.parametrize(
    "source",
    [
        "```html\n<!-- kept -->\n<b>kept</b> [a](b) [[c]]\n```",
        "    <!-- kept --> [a](b)",
        "In a line: `<!-- kept -->`, ``[a](b) ` [[c]]``.",
        "```\n<!-- kept, though never closed",
        "1 < 2 and List<String>, a <tag> of its own, use <script> with care",
        "- [ ] a task[^1], [1], [not a link] (here), if [[ -f x ]]\n\n[^1]: Rook",
        "\\[a](b) 100%% 3 ^ 4 -- > <",
        "<https://tarn.example/weir>",
        "Plain.\n\n\n\nText with   spaces.  \nAnd a line.\n",
        "",
    ],
)
def test_what_a_reader_sees_stays_as_it_is(source: str) -> None:
    assert text_of(source) == source


def test_a_comment_that_never_ends_is_told(tmp_path: Path) -> None:
    document, notice = sorted(
        parts_of(tmp_path, "---\ntitle: T\n---\nOne.\n\n<!-- two\n\nthree"), key=repr, reverse=True
    )
    assert isinstance(document, RawDocument)
    assert document.text == "One."
    assert isinstance(notice, Notice)
    assert "line 6" in notice.text


@pytest.mark.parametrize(
    "piece", ["[", "![[", "`a``b", '<a "', "<!--", "[a](", "> ", "%%a", "<sup>", "<div hidden>", "[[a|"]
)
def test_hostile_markdown_takes_no_longer_than_its_length_allows(piece: str) -> None:
    assert text_of(piece * 20_000) is not None


SEEN = [
    "{}",
    "**{}**",
    "[{}](a.md)",
    "[[note|{}]]",
    "[[{}]]",
    "`{}`",
    "<b>{}</b>",
    "# {}",
    "- {}",
    "    {}",
    "![{}](a.png)",
]
HIDDEN = ["<!-- {} -->", "<!--\n\n{}\n-->", "[](<{}>)", "[k]: {}", "<script>{}</script>", "<p hidden>{}</p>", "%%{}%%"]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50)), min_size=1, max_size=8))
def test_every_word_that_is_seen_is_text_and_no_other(pieces: list[tuple[bool, int]]) -> None:
    paragraphs: list[str] = []
    for number, (seen, kind) in enumerate(pieces):
        forms = SEEN if seen else HIDDEN
        paragraphs.append(forms[kind % len(forms)].format(f"{'seen' if seen else 'hidden'}{number}x"))
    text = text_of("\n\n".join(paragraphs))
    assert "hidden" not in text
    assert all(f"seen{number}x" in text for number, (seen, _) in enumerate(pieces) if seen)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Falk &amp; Sons &ndash; 5&nbsp;km", "Falk & Sons – 5 km".replace("5 km", "5\u00a0km")),
        ("&#65;&#x42; &lt;b&gt;", "AB <b>"),
        ("`&amp;` and &nosuch; and A&B;", "`&amp;` and &nosuch; and A&B;"),
        ("\\&amp; stays", "\\&amp; stays"),
        ("rain&shy;water &#8203;ti&#173;de &zwnj;x &#0;", "rainwater tide x \ufffd"),
        ("lock\\_keeper and 1871\\. It", "lock_keeper and 1871. It"),
        ("\\# no heading, `a\\_b`", "\\# no heading, `a\\_b`"),
        ("    &amp; code\\_of", "    &amp; code\\_of"),
    ],
)
def test_an_entity_is_the_character_that_it_stands_for(source: str, text: str) -> None:
    assert text_of(source) == text
