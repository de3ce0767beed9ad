"""Web pages: their text is what a reader sees, all of it that belongs to the page and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kg.documents.parts import Notice, RawDocument, SourceFile
from kg.documents.readers.html import read_html, read_page

STORY = "The lock keeper of Tarn wrote down every barge that passed the lower gate, its cargo and its master. "


def read(folder: Path, page: str | bytes, name: str = "page.html") -> RawDocument:
    path = folder / name
    path.write_bytes(page.encode() if isinstance(page, str) else page)
    (document,) = [part for part in read_html(SourceFile(path, name)) if isinstance(part, RawDocument)]
    return document


def text_of(markup: str) -> str:
    return read_page(markup).text


def test_a_page_gives_its_title_its_date_and_its_main_text_in_order(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title> Tide
      report </title><meta property="article:published_time" content="2031-03-04T08:00:00Z"><style>p{}</style></head>
      <body><nav>Home | About</nav><main><h2>High   water</h2><p>At <b>nine</b>
      o'clock &amp; later.</p><ul><li>first</li><li>second</li></ul><p>line<br>break</p>
      <table><tr><td>Ness</td><td>4 m</td></tr></table><script>var x = "unseen";</script><p>End.</p></main>
      <footer>Contact</footer></body></html>"""
    document = read(tmp_path, page)
    assert (document.title, document.date) == ("Tide report", "2031-03-04")
    assert document.text == (
        "## High water\n\nAt nine o'clock & later.\n\n- first\n- second\n\nline\nbreak\n\nNess | 4 m\n\nEnd."
    )


def test_a_page_says_its_own_encoding(tmp_path: Path) -> None:
    page = '<html><head><meta charset="iso-8859-2"></head><body><p>Łódź</p></body></html>'
    assert read(tmp_path, page.encode("iso-8859-2"), "p.htm").text == "Łódź"


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- UNSEEN -->",
        "<!-- a > b -- UNSEEN --!>",
        "<!--><!-- UNSEEN --->",
        "<!--[if mso]><p>UNSEEN</p><![endif]-->",
        "<![if !vml]><![endif]>",
        "<?php echo 'UNSEEN' ?>",
        "<!ELEMENT UNSEEN (#PCDATA)>",
        "<script type=module>let a = '<p>UNSEEN</p>'</script>",
        "<style><!-- .UNSEEN { color: red } --></style>",
        "<template><p>UNSEEN</p></template>",
        "<noscript><p>UNSEEN</p></noscript>",
        "<svg><title>UNSEEN</title><desc>UNSEEN</desc><path d='M0 0'/></svg>",
        "<select><option>UNSEEN<option selected>UNSEEN</select>",
        "<datalist><option value=UNSEEN>UNSEEN</datalist>",
        "<textarea>UNSEEN <p></textarea>",
        "<button type=submit>UNSEEN</button><input value=UNSEEN>",
        "<iframe src=x>UNSEEN</iframe><object>UNSEEN</object><video>UNSEEN</video>",
        "<div hidden><p>UNSEEN</p><div>UNSEEN</div></div>",
        "<div HIDDEN=''>UNSEEN</div>",
        "<p style='color: red; DISPLAY : none !important'>UNSEEN</p>",
        "<span style='visibility:hidden'>UNSEEN</span>",
        "<div style='font-size:0px;opacity:0'>UNSEEN</div>",
        "<div style='position:absolute;left:-9999px'>UNSEEN</div>",
        "<dialog>UNSEEN</dialog><div popover>UNSEEN</div>",
        "<span aria-hidden=true>UNSEEN</span>",
        "<img src='data:image/png;base64,UNSEENAAAA'>",
        "<math><annotation encoding='application/x-tex'>UNSEEN</annotation></math>",
    ],
)
def test_what_no_reader_sees_is_not_text(hidden: str) -> None:
    before, after = "<p>The weir at Holm</p>", "<p>was raised twice.</p>"
    expected = "The weir at Holm\n\nwas raised twice."
    for markup in (f"{before}{hidden}{after}", f"<!DOCTYPE html><html><body>{before}{hidden}{after}</body></html>"):
        assert text_of(markup) == expected
    assert text_of(f"<p>The weir{hidden if hidden.startswith('<!-') else ''} at Holm</p>") == "The weir at Holm"


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p hidden>No<p>Yes", "Yes"),  # a tag that ends by itself hides no more than its own text
        ("<ul><li hidden>No<li>Yes</ul>", "- Yes"),
        ("<div style='display:none; display:block'>Yes</div>", "Yes"),
        ("<div hidden=until-found>Yes</div>", "Yes"),
        ("<body style='opacity:0'><p>Yes</body>", "Yes"),
        ("<html><head><title>T</title><body><p>Yes", "Yes"),
        ("<details><summary>Yes</summary>And this</details>", "Yes\n\nAnd this"),
        ("<dialog open>Yes</dialog>", "Yes"),
        ("<form><label>Yes</label><p>And this</p></form>", "Yes\n\nAnd this"),
        ("<h3><button>Yes?</button></h3><p>Of course.", "### Yes?\n\nOf course."),
        ("<div aria-hidden=true><p>Yes</div>", "Yes"),  # a page behind a dialogue
        ("<p>&lt;!-- yes --&gt;", "<!-- yes -->"),
        ("<frameset><frame src=a><noframes><body><p>Yes</body></noframes></frameset>", "Yes"),
        ("<img alt='A red buoy' src=data:image/png;base64,AAAA><img alt=b.png>", "A red buoy"),
        ("just Yes", "just Yes"),
        ("", ""),
        ("<!-- nothing -->", ""),
        ("<?xml version='1.0'?><!-- nothing -->", ""),
    ],
)
def test_what_a_reader_sees_stays(markup: str, text: str) -> None:
    assert text_of(markup) == text


def test_xhtml_is_read_as_xml(tmp_path: Path) -> None:
    page = (
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "xhtml11.dtd">'
        '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Weir</title><script src="a.js"/></head><body>'
        "<p>Tom &amp; Ida&nbsp;Rook, caf&eacute;</p><div/><p><![CDATA[1 < 2]]><!-- no --></p></body></html>"
    )
    document = read(tmp_path, page, "page.xhtml")
    assert (document.title, document.text) == ("Weir", "Tom & Ida Rook, café\n\n1 < 2")


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("10<sup>3</sup> m<sup>−2</sup>", "10³ m⁻²"),
        ("H<sub>2</sub>O and x<sub>i</sub>", "H₂O and xᵢ"),
        ("the 1<sup>st</sup> lock, M<sup>me</sup> Rook", "the 1st lock, Mme Rook"),
        ("2<sup>1/2</sup>, e<sup>iπ</sup>, a<sub>B</sub>", "2^(1/2), e^iπ, a_B"),
        ("gates<sup><a href=#n>[4]</a></sup>", "gates[4]"),
        ("<math><msup><mi>r</mi><mn>2</mn></msup></math>", "r²"),
        ("Hafen<wbr>ord&shy;nung an&#x200b;bei&#8288;m", "Hafenordnung anbeim"),
        ("<ruby>東<rp>(</rp><rt>とう</rt>京<rt>きょう</rt></ruby>駅", "東京(とうきょう)駅"),
        ("She said <q>no</q>.", "She said “no”."),
        ("<b>Lo</b><i>ck</i> <a href=x>gate</a>", "Lock gate"),
    ],
)
def test_words_read_as_they_look(markup: str, text: str) -> None:
    assert text_of(f"<p>{markup}</p>") == text


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        (
            "<h2>Gate<a class=headerlink href=#g>¶</a></h2><pre>\n if open:\n\n    shut()\n</pre>",
            "## Gate\n\n if open:\n\n    shut()",
        ),
        ("<dl><dt>Weir<dd>A low dam.<dt>Sluice<dd>A gate.</dl>", "Weir\nA low dam.\n\nSluice\nA gate."),
        ("<ul><li>a<ol><li>b<li>c</ol><li>d</ul>", "- a\n- b\n- c\n- d"),
        ("<table><tr><th>Year<th>Barges<tr><td>1911<td>40</table>", "Year | Barges\n1911 | 40"),
        ("<table><tr><td><p>one</p><p>two</p><td>three</table>", "one\n\ntwo\n\nthree"),
        ("<table><caption>Barges</caption><tr><td><td>40</table>", "Barges\n\n40"),
        ("<figure><img alt='The gate'><figcaption>In 1911</figcaption></figure>", "The gate\n\nIn 1911"),
        ("<h1>Lower<br>gate</h1>by Ida<hr>More", "# Lower gate\n\nby Ida\n\nMore"),
    ],
)
def test_blocks_keep_apart(markup: str, text: str) -> None:
    assert text_of(markup) == text


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ("<svg><title>Logo</title></svg><title>Weir</title>", "Weir"),
        ("<head><title>  </title><meta property=og:title content=' The  weir '></head>", "The weir"),
        ("<svg><title>Logo</title></svg><h1>The <b>weir</b></h1>", "The weir"),
        ("<title>A &lt;b&gt; weir</title><h1>Other</h1>", "A <b> weir"),
        ("<h1 hidden>Draft</h1><h1>Weir</h1>", "Weir"),
        ("<p>Text", ""),
    ],
)
def test_the_title_is_the_pages_own(page: str, title: str) -> None:
    assert read_page(page).title == title


TEASER = "<article class=teaser><h3>Also read</h3><p>Seven sandwiches that will surprise you.</p></article>"


@pytest.mark.parametrize(
    "around",
    [
        "<aside>" + TEASER + "</aside>{}",
        "<main></main><div>{}</div>",
        "<main hidden><p>Loading</p></main>{}",
        "<article><h2>Reply</h2><p>First!</p></article><div class=story>{}</div>",
        "<form id=aspnetForm><div>{}</div></form>",
        "<table><tr><td><a href=/>Home</a></td><td>{}</td></tr></table>",
        "<div>{}</div><section id=comments><article><p>"
        + "I was there and saw nothing of it at all. " * 40
        + "</p></article></section>",
        "<nav><ul><li><a href=/>Home</a></ul></nav><div><div>{}</div></div><footer>© Tarn Herald</footer>",
    ],
)
@pytest.mark.parametrize("length", [1, 30])
def test_the_text_of_a_page_is_never_replaced_by_what_is_around_it(around: str, length: int) -> None:
    paragraphs = [f"{STORY} {number}." for number in range(length)]
    story = (
        "<h1>The barge book</h1>" + "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs) + "<p>It is lost.</p>"
    )
    text = text_of(f"<html><body>{around.format(story)}</body></html>")
    assert all(" ".join(paragraph.split()) in text for paragraph in ("# The barge book", *paragraphs, "It is lost."))
    assert "Loading" not in text
    assert "sandwiches" not in text
    assert "saw nothing" not in text
    assert "Herald" not in text


def test_all_articles_of_a_page_are_its_text() -> None:
    articles = [
        f"<article><h2>Barge {number}</h2><p>{STORY * 4}</p><p>Sunk {number}.</p></article>" for number in range(6)
    ]
    text = text_of(f"<body><div>{''.join(articles)}</div></body>")
    assert all(f"## Barge {number}" in text and f"Sunk {number}." in text for number in range(6))


def test_a_page_of_asides_alone_is_read() -> None:
    assert text_of(f"<aside><p>{STORY}</p></aside>") == STORY.strip()


def test_notes_and_figures_stay_in_a_long_page() -> None:
    body = f"<p>{STORY * 3}</p>" * 8
    note = "<aside class=footnote><p>Copied in 1950.</p></aside><figure><figcaption>The gate</figcaption></figure>"
    text = text_of(
        f"<body><div class=c>{body}<pre>x = 1</pre>{note}<blockquote>So be it.<footer>Ida</footer></blockquote></div>"
    )
    assert all(words in text for words in ("Copied in 1950.", "The gate", "x = 1", "So be it.", "Ida"))


@pytest.mark.parametrize("tags", [("<div>", "</div>"), ("<b>", "</b>"), ("<ul><li>", "</li></ul>"), ("<x-y>", "")])
def test_deep_nesting_is_read(tags: tuple[str, str]) -> None:
    opened, closed = tags
    for depth in (300, 10_000):
        markup = f"<p>{STORY * 12}</p>{opened * depth}deep<p hidden>unseen</p>{closed * depth}<p>end"
        text = text_of(markup)
        assert "deep" in text
        assert "end" in text
        assert "unseen" not in text


def test_pictures_inside_code_are_dropped() -> None:
    assert text_of(f"<pre>url(data:image/png;base64,{'iVBORw0K' * 50})</pre>") == "url()"


WORDS = st.sampled_from(["weir", "gate", "barge", "Łódź", "東京", "naïve", "1911"])
SEEN = [
    *(
        "<p>{}</p>",
        "<div>{}</div>",
        "<p>{}",
        "<h2>{}</h2>",
        "<ul><li>{}</ul>",
        "<ul><li>{}",
        "<pre>{}</pre>",
        "<b>{}</b> ",
    ),
    *(
        "<table><tr><td>{}<td>x</table>",
        "<blockquote><p>{}</blockquote>",
        "<section><p>{}</section>",
        "<dl><dt>a<dd>{}</dl>",
    ),
    *("<article><p>{}</p></article>", "<form><p>{}</p></form>", "<details><summary>s</summary>{}</details>", " {} "),
    *(
        "<figure><figcaption>{}</figcaption></figure>",
        "<p><a href=x>{}</a></p>",
        "<p><time>{}</time> <label>l</label></p>",
    ),
]
HIDDEN = [
    *("<!-- {} -->", "<!--{}--!>", "<script>{}</script>", "<style>{}</style>", "<template><p>{}</p></template>"),
    *(
        "<noscript>{}</noscript>",
        "<p hidden>{}</p>",
        "<div style='display:none'><p>{}</p></div>",
        "<?xml {} ?>",
        "<!X {}>",
    ),
    *("<select><option>{}</select>", "<textarea>{}</textarea>", "<button>{}</button>", "<svg><title>{}</title></svg>"),
    *("<iframe>{}</iframe>", "<dialog>{}</dialog>", "<img src='{}'>", "<a href='{}'></a>", "<input value='{}'>"),
]


@st.composite
def pages(draw: st.DrawFn) -> tuple[str, list[str], list[str]]:
    """A page, the words that are seen on it, and those that are not."""
    pieces: list[str] = []
    seen: list[str] = []
    unseen: list[str] = []
    for number in range(draw(st.integers(1, 12))):
        shown = draw(st.booleans())
        word = f"{draw(WORDS)}{'s' if shown else 'h'}{number}e"
        (seen if shown else unseen).append(word)
        filler = STORY * draw(st.sampled_from([0, 0, 1, 5])) if shown else ""
        pieces.append(draw(st.sampled_from(SEEN if shown else HIDDEN)).format(filler + word))
    body = draw(
        st.sampled_from(["{}", "<main>{}</main>", "<div class=a><div>{}</div></div>", "<body><article>{}</article>"])
    )
    return f"<!doctype html><html><head><title>t</title>{body.format(''.join(pieces))}</html>", seen, unseen


def missing(words: Sequence[str], text: str) -> list[str]:
    return [word for word in words if word not in text]


@settings(max_examples=300, deadline=None)
@given(pages())
def test_every_word_that_is_seen_is_text_and_no_other(page: tuple[str, list[str], list[str]]) -> None:
    markup, seen, unseen = page
    text = text_of(markup)
    assert missing(seen, text) == []
    assert missing(unseen, text) == unseen
    assert missing(seen, read_page(markup, whole=True).text) == []


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/!-?&;= \n'\"aphdivspntb[]CDAT#x0"), st.booleans())
def test_broken_markup_never_fails_and_adds_no_letter(markup: str, whole: bool) -> None:
    letters = set(filter(str.isalpha, read_page(markup, whole).text.lower()))
    assert letters <= set(markup.lower()) | set(filter(str.isalpha, unescape(markup).lower()))


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        ("<mfrac><mn>3</mn><mn>4</mn></mfrac>", "3/4"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", "(a+b)/2"),
        ("<msubsup><mi>k</mi><mn>1</mn><mn>2</mn></msubsup>", "k₁²"),
        ("<msqrt><mi>h</mi></msqrt><mo>+</mo><mroot><mi>v</mi><mn>3</mn></mroot>", "√h+³√v"),
        ("<msup><mi>e</mi><mrow><mo>-</mo><mi>n</mi></mrow></msup>", "e⁻ⁿ"),
        ("<msub><mi>v</mi><mi>max</mi></msub>", "vₘₐₓ"),
        ("<msup><mi>x</mi><mi>QR</mi></msup>", "x^(QR)"),
        ("<mfenced><mi>p</mi><mi>q</mi></mfenced>", "(p, q)"),
        (
            "<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>0</mn></mtd></mtr><mtr><mtd><mn>0</mn></mtd></mtr></mtable>",
            "1 0; 0",
        ),
        ("<mfrac><mn>1</mn><mn>2</mn><mn>3</mn></mfrac>", "1 2 3"),
        ("<mrow>" * 1500 + "<mi>x</mi>" + "</mrow>" * 1500, "x"),
    ],
)
def test_a_formula_keeps_its_meaning_on_one_line(formula: str, text: str) -> None:
    assert text_of(f"<p>So <math>{formula}</math>.</p>") == f"So {text}."


@pytest.mark.parametrize(
    "end", ["</body></html>", "</html>", "</body>", "</BODY >\n</HTML>\n", "</body></html><!doctype html><html><body>"]
)
def test_what_follows_the_end_of_a_page_is_part_of_it(end: str) -> None:
    assert text_of(f"<html><body><p>Stone lasts.</p>{end}<p>Oak does not.</p>") == "Stone lasts.\n\nOak does not."


@pytest.mark.parametrize(
    "style",
    [
        "max-height:0;overflow:hidden",
        "height: 0px; overflow: hidden",
        "text-indent:-9999px",
        "position:absolute;clip:rect(0, 0, 0, 0)",
        "clip-path: inset(50%)",
        "transform: scale(0)",
    ],
)
def test_a_style_that_leaves_nothing_to_see_hides(style: str) -> None:
    assert (
        text_of(f"<p>Stone</p><div style='{style}'>not seen</div><p style='overflow:hidden;height:9px'>lasts.</p>")
        == "Stone\n\nlasts."
    )


@pytest.mark.parametrize(
    ("page", "line"),
    [
        ("<p>Stone</p>\n<!-- weir <p>lasts.</p>", 2),
        ("<p>Stone</p><!-- a --><p>oak</p>\n\n<!-- never <!-- closed", 3),
        ("<script>if (a <!-- b) {}</script><p>Stone</p>\n<!-- x", 2),
        ("<p>Stone</p><!-- closed -->", 0),
        ("<p>Stone</p><!-- closed --!>", 0),
        ("<p>Stone</p><script>document.write('<!-- ')</script>", 0),
        ("<p>Stone</p><!-->lasts", 0),
        ("<p>Stone</p><!-- ", 0),
    ],
)
def test_a_comment_that_never_ends_is_told(tmp_path: Path, page: str, line: int) -> None:
    (tmp_path / "p.html").write_text(page)
    notices = [part.text for part in read_html(SourceFile(tmp_path / "p.html", "p.html")) if isinstance(part, Notice)]
    told = f"p.html opens a comment in line {line} that never ends; what stands after it is not read."
    assert notices == ([told] if line else [])
