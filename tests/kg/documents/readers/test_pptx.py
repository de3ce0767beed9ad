"""Presentations: titles, texts, tables, charts and notes; hidden and damaged slides are named."""

from __future__ import annotations

import io
from pathlib import Path

import pptx
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.presentation import Presentation
from pptx.util import Inches

from tests.kg.documents.readers.office import changed, load, text_of


def saved(presentation: Presentation) -> bytes:
    stream = io.BytesIO()
    presentation.save(stream)
    return stream.getvalue()


def add_slide(presentation: Presentation, title: str, body: str, notes: str = "") -> None:
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = title
    slide.placeholders[1].text = body
    if notes:
        slide.notes_slide.notes_text_frame.text = notes


def test_slides_come_in_order_with_their_notes(tmp_path: Path) -> None:
    presentation = pptx.Presentation()
    add_slide(presentation, "Weirs", "Stone lasts.\nOak does not.", "Mention Ida Falk.")
    add_slide(presentation, "Locks", "There are two.")
    loaded = load(tmp_path, "s.pptx", saved(presentation))
    assert text_of(loaded) == (
        "## Weirs\n\nStone lasts.\n\nOak does not.\n\nNotes: Mention Ida Falk.\n\n## Locks\n\nThere are two."
    )
    assert loaded.documents[0].title == "Weirs"


def test_tables_groups_boxes_and_charts_are_read(tmp_path: Path) -> None:
    presentation = pptx.Presentation()
    slide = presentation.slides.add_slide(presentation.slide_layouts[5])
    slide.shapes.title.text = "Figures"
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, Inches(1), Inches(1)).text_frame.text = "in the group"
    table = slide.shapes.add_table(2, 2, 0, 0, Inches(4), Inches(1)).table
    for index, text in enumerate(("weir", "year", "upper", "1871")):
        table.cell(index // 2, index % 2).text = text
    data = CategoryChartData()
    data.categories = ["spring", "autumn"]
    data.add_series("Flow", (4.25, 9.5))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, Inches(4), Inches(3), data)
    assert text_of(load(tmp_path, "s.pptx", saved(presentation))) == (
        "## Figures\n\nin the group\n\nweir | year\nupper | 1871\n\n| Flow\nspring | 4.25\nautumn | 9.5"
    )


def test_hidden_slides_are_left_out_and_named(tmp_path: Path) -> None:
    presentation = pptx.Presentation()
    for number in range(1, 5):
        add_slide(presentation, f"Slide of weir {number}", "Text.")
    for index in (1, 3):
        presentation.slides[index]._element.set("show", "0")
    loaded = load(tmp_path, "s.pptx", saved(presentation))
    assert "weir 2" not in text_of(loaded) and "weir 3" in text_of(loaded)
    assert "left out: 2, 4." in loaded.notices[0]


def test_a_damaged_slide_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    presentation = pptx.Presentation()
    for number in range(1, 5):
        add_slide(presentation, f"Slide of weir {number}", "Text.", "A note.")
    data = saved(presentation)
    loaded = load(tmp_path, "s.pptx", changed(data, "ppt/slides/slide3.xml", lambda old: old[:300]))
    assert loaded.error == "Slide 3 is damaged."
    assert "weir 2" in loaded.documents[0].text and "weir 4" in loaded.documents[0].text
    loaded = load(tmp_path, "s.pptx", changed(data, "ppt/notesSlides/notesSlide2.xml", lambda _: b"<p:notes"))
    assert "2" in loaded.error and "weir 1" in loaded.documents[0].text


def test_slide_numbers_and_hidden_shapes_are_no_text(tmp_path: Path) -> None:
    presentation = pptx.Presentation()
    add_slide(presentation, "Weirs", "Stone lasts.")
    shapes = presentation.slides[0].shapes
    box = shapes.add_textbox(0, 0, Inches(1), Inches(1))
    box.text_frame.text = "behind the scenes"
    box._element.nvSpPr.cNvPr.set("hidden", "1")
    number = shapes.add_textbox(0, 0, Inches(1), Inches(1))
    number.text_frame.text = "17"
    number._element.nvSpPr.nvPr.insert(0, number._element.nvSpPr.nvPr.makeelement(f"{{{_P}}}ph", {"type": "sldNum"}))
    assert text_of(load(tmp_path, "s.pptx", saved(presentation))) == "## Weirs\n\nStone lasts."


_P = "http://schemas.openxmlformats.org/presentationml/2006/main"


def test_powers_stay_powers(tmp_path: Path) -> None:
    presentation = pptx.Presentation()
    add_slide(presentation, "Flow", "10")
    paragraph = presentation.slides[0].placeholders[1].text_frame.paragraphs[0]
    for text, baseline in (("3", "30000"), (" m", "0"), ("2", "-25000")):
        run = paragraph.add_run()
        run.text = text
        run._r.get_or_add_rPr().set("baseline", baseline)
    assert text_of(load(tmp_path, "s.pptx", saved(presentation))) == "## Flow\n\n10³ m₂"


def test_slides_of_images_alone_say_so(tmp_path: Path) -> None:
    presentation = pptx.Presentation()
    presentation.slides.add_slide(presentation.slide_layouts[6])
    assert "its slides may be images" in load(tmp_path, "s.pptx", saved(presentation)).error
    assert "is not a PowerPoint" in load(tmp_path, "s.pptx", b"Weirs and locks").error
