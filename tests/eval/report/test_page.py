"""The report: true to metrics.json, safe against what documents hold, self-contained, the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from bs4.element import Tag

from eval.report.page import FILE_NAME, write_report
from eval.types import Item, Sample
from models.errors import InputError, StoreError
from tests.eval.small_run import (
    HOSTILE,
    ITEMS,
    arm_json,
    arm_result,
    contexts,
    default_metrics,
    manifest_json,
    metrics_json,
    samples,
    write_run,
)

SPACES = str.maketrans({"\u202f": " ", "\xa0": " "})


def page_of(folder: Path, **parts: Any) -> BeautifulSoup:
    return BeautifulSoup(write_report(write_run(folder, **parts)).read_text(encoding="utf-8"), "html.parser")


def numbers(cell: Tag) -> list[tuple[float, str]]:
    """Value and text of each number in a cell."""
    return [(float(str(node["value"])), node.get_text().translate(SPACES)) for node in cell.select("data")]


def field(row: Tag, name: str) -> list[tuple[float, str]]:
    cell = row.find("td", attrs={"data-field": name})
    assert isinstance(cell, Tag), name
    return numbers(cell)


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def signed(value: float) -> str:
    return f"{100 * value:+.1f}".replace("-", "−").replace("+0.0", "0.0")


def test_every_number_of_the_arms_is_that_of_the_metrics(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    rows = {row["data-arm"]: row for row in page.select("#arm-table tbody tr")}
    metrics = default_metrics()
    assert set(rows) == {arm["name"] for arm in metrics["arms"]}
    for arm in metrics["arms"]:
        row = rows[arm["name"]]
        assert field(row, "accuracy") == [(arm["accuracy"], percent(arm["accuracy"]))]
        low, high = field(row, "interval")
        assert (low[0], high) == (arm["ci_low"], (arm["ci_high"], percent(arm["ci_high"])))
        assert low[1] == f"{100 * arm['ci_low']:.1f}"
        assert field(row, "delta") == ([] if arm["delta"] is None else [(arm["delta"], signed(arm["delta"]))])
        recall = arm["context_recall"]
        assert field(row, "context_recall") == ([] if recall is None else [(recall, percent(recall))])
        for name in ("n", "failed", "tokens_in", "tokens_out"):
            assert field(row, name) == [(arm[name], f"{arm[name]:,}")]
        assert field(row, "seconds")[0][0] == arm["seconds"]
        assert field(row, "cost_usd") == [(0.0, "$0")]


def test_the_page_says_what_the_p_values_test(tmp_path: Path) -> None:
    text = page_of(tmp_path).select_one("#p-values").get_text()
    assert "if both arms were equally good" in text
    assert "below 0.05, the difference is significant" in text


def test_every_number_of_the_other_tables_is_that_of_the_metrics(tmp_path: Path) -> None:
    page, metrics = page_of(tmp_path), default_metrics()
    made = {(row["a"], row["b"]): row for row in metrics["comparisons"]}
    rows = page.select("#comparison-table tbody tr")
    assert len(rows) == len(made)
    for row in rows:
        a, b = row.select_one("th").get_text().strip(), row.select_one("td").get_text().strip()
        expected = made[a, b]
        assert field(row, "difference") == [(expected["difference"], signed(expected["difference"]))]
        ends = [(expected[end], signed(expected[end])) for end in ("ci_low", "ci_high")]
        assert field(row, "interval") == ends
        for name in ("p_value", "p_holm"):
            assert field(row, name) == [(expected[name], f"{expected[name]:.3f}")]
        for name in ("wins", "losses"):
            assert field(row, name) == [(expected[name], str(expected[name]))]
    for row in page.select("#kind-table tbody tr"):
        for cell in row.select("td[data-arm]"):
            value = metrics["by_kind"][row["data-kind"]][cell["data-arm"]]["accuracy"]
            assert numbers(cell) == [(value, percent(value))]
    (retrieval,) = page.select("#retrieval-table tbody tr")
    assert field(retrieval, "recall") == [(0.625, "62.5 %")]
    assert field(retrieval, "ndcg") == [(0.813, "0.813")]
    assert field(retrieval, "relevance") == []
    setup = []
    for row in page.select("#setup-table tbody tr"):
        setup.append([value for value, _ in numbers(row)])
    assert setup == [[61.5, 4321, 987, 0], [300.0, 150000, 0, 0]]


def test_set_up_costs_name_the_arms_that_use_them(tmp_path: Path) -> None:
    rows = page_of(tmp_path).select("#setup-table tbody tr")
    assert [row.select("td")[-1].get_text() for row in rows] == ["oracle, lora, rag", "lora"]


def test_plots_have_their_numbers_in_words_and_an_arm_has_one_colour(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    words = {figure["id"]: figure.select_one("svg desc").get_text() for figure in page.select("figure.plot")}
    assert set(words) == {"plot-accuracy", "plot-differences", "plot-cost", "plot-kinds"}
    assert "lora 65.4 % (50.4–77.7 %)" in words["plot-accuracy"].translate(SPACES)
    assert "lora minus rag: +11.1 points (−8.9 to +32.1), p (Holm) 0.510" in words["plot-differences"].translate(SPACES)
    assert all("var(--arm-4)" in str(page.select_one(f"#plot-{name} svg")) for name in ("accuracy", "cost"))
    assert page.select_one("tr[data-arm=lora] th .mark.s4") is not None


def test_verdict_names_the_best_arm_that_is_not_the_oracle(tmp_path: Path) -> None:
    text = page_of(tmp_path).select_one("#verdict").get_text().translate(SPACES)
    assert "lora answers best: 65.4 % of 3 items right (95 % interval 50.4–77.7 %)" in text
    assert "32.1 points more than closed-book (interval +12.1 to +53.1; exact paired test p = 0.020" in text
    assert "The difference between lora and rag is not significant on these items." in text


def hostile_run(folder: Path) -> BeautifulSoup:
    item = replace(
        ITEMS[0],
        id=HOSTILE,
        question=HOSTILE,
        choices=(HOSTILE, "b"),
        kind=HOSTILE,
        date=HOSTILE,
        evidence=(replace(ITEMS[0].evidence[0], document=HOSTILE, quote=HOSTILE),),
    )
    arms = [
        arm_json(arm_result(name, 0.5, by_kind={HOSTILE: (0.5, 1), "x": (0.1, 2)})) for name in ("closed-book", "rag")
    ]
    metrics = metrics_json(arms, ())
    metrics["setup"][0]["name"] = HOSTILE
    sample = Sample("rag", HOSTILE, "", "0", 0.0, {}, (), 1, 1, 1.0, 0.0, HOSTILE)
    made = write_run(
        folder,
        items=(item,),
        samples=[sample],
        contexts=[],
        metrics=metrics,
        manifest=manifest_json(name=HOSTILE, reader=HOSTILE, versions={HOSTILE: HOSTILE}),
        config=HOSTILE,
    )
    row = {"retriever": "rag", "item_id": HOSTILE, "text": f"x {HOSTILE} y", "chunk_ids": [], "tokens": 1, "seconds": 1}
    (made / "contexts.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    return BeautifulSoup(write_report(made).read_text(encoding="utf-8"), "html.parser")


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    page, plain = hostile_run(tmp_path / "hostile"), page_of(tmp_path / "plain")
    assert len(page.find_all("script")) == 1
    assert page.find_all("img") == []
    assert {tag.name for tag in page.find_all(True)} - {tag.name for tag in plain.find_all(True)} <= {"q"}
    assert not [name for tag in page.find_all(True) for name in tag.attrs if name.startswith("on")]
    for selector in (".q", ".options .find", ".evidence cite", "#item-list mark", "#provenance pre", "h1", "title"):
        assert HOSTILE in page.select_one(selector).get_text(), selector
    assert f"rag failed: {HOSTILE}" in [node.get_text() for node in page.select(".error")]
    assert "</script>" in page.select_one("#plot-kinds desc").get_text()


def test_page_loads_nothing_and_allows_no_script_but_its_own(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    text = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    assert re.findall(r"(?:https?:)?//[a-z]\S*", re.sub(r"//\s.*", "", text)) == []
    links = [tag[name] for tag in page.find_all(True) for name in ("src", "href", "xlink:href") if tag.has_attr(name)]
    assert links
    assert all(link.startswith(("#", "data:,")) for link in links)
    assert all(link.startswith("#") for link in re.findall(r"url\(([^)]*)", text))
    assert "@import" not in text
    policy = page.select_one("meta[http-equiv=Content-Security-Policy]")["content"]
    digest = base64.b64encode(hashlib.sha256(page.script.string.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_page_is_well_formed_and_accessible(tmp_path: Path) -> None:
    page = page_of(tmp_path)
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    references = [tag["href"][1:] for tag in page.find_all(href=re.compile("^#"))]
    references += re.findall(r"url\(#([^)]*)\)", str(page))
    assert set(references) <= set(ids)
    assert page.html["lang"] == "en"
    assert all(head.get("scope") in ("col", "row") for head in page.find_all("th"))
    for svg in page.find_all("svg"):
        assert svg["role"] == "img"
        assert all(page.find(id=name).get_text() for name in svg["aria-labelledby"].split())
    levels = [int(tag.name[1]) for tag in page.find_all(re.compile("^h[1-4]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1


def test_same_folder_gives_the_same_bytes_whatever_matplotlib_is_set_to(tmp_path: Path) -> None:
    import matplotlib

    first = write_report(write_run(tmp_path)).read_bytes()
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert write_report(tmp_path).read_bytes() == first
        assert matplotlib.rcParams["font.size"] == 30


def test_unfinished_run_is_refused(tmp_path: Path) -> None:
    (write_run(tmp_path) / "metrics.json").unlink()
    with pytest.raises(InputError, match="not finished"):
        write_report(tmp_path)


def test_old_page_stays_when_a_file_is_damaged(tmp_path: Path) -> None:
    page = write_report(write_run(tmp_path))
    before = page.read_bytes()
    (tmp_path / "samples.jsonl").write_text('{"arm": 1}\n', encoding="utf-8")
    with pytest.raises(StoreError, match=r"samples\.jsonl"):
        write_report(tmp_path)
    assert page.read_bytes() == before
    assert not list(tmp_path.glob("*.part"))


def test_item_shows_choices_scores_and_gold_in_its_context(tmp_path: Path) -> None:
    item = page_of(tmp_path).select_one("#item-1")
    heads = [head.get_text() for head in item.select(".options thead th")]
    assert heads == ["Option", "oracle", "lora", "rag", "closed-book"]
    gold, other = item.select(".options tbody tr")
    assert "gold" in gold["class"]
    assert ["right" in cell["class"] for cell in gold.select("td")] == [True, True, True, False]
    assert ["wrong" in cell["class"] for cell in other.select("td")] == [False, False, False, True]
    assert all("−1.250" in cell.get_text() for cell in gold.select("td"))
    marked = [mark.get_text() for mark in item.select("details.context mark")]
    assert marked == ["Maren Oskevald watched", "from a pilot boat"]
    summaries = [" ".join(node.get_text().split()) for node in item.select("details.context > summary")]
    assert "rag context, given to rag" in summaries[0]
    assert "1 of 1 gold quote" in summaries[0]
    assert "0 of 1 gold quote" in summaries[1]


def test_a_context_is_shown_once_for_all_arms_that_were_given_it(tmp_path: Path) -> None:
    metrics = default_metrics()
    metrics["arms"].append(arm_json(arm_result("lora-rag", 0.4), retriever="rag"))
    item = page_of(tmp_path, metrics=metrics).select_one("#item-1")
    read_by = [" ".join(node.get_text().split()) for node in item.select("details.context > summary")]
    assert len(read_by) == 2
    assert "given to rag, lora-rag" in read_by[0]


def test_a_graph_query_is_shown_with_its_context(tmp_path: Path) -> None:
    first, *others = contexts()
    query = "MATCH (n) WHERE n.x < 3 RETURN n"
    item = page_of(tmp_path, contexts=[replace(first, query=query), *others]).select_one("#item-1")
    assert [code.get_text() for code in item.select("details.context code")] == [query]


def test_a_failed_item_has_its_reason(tmp_path: Path) -> None:
    rows = [replace(row, prediction="", correct=0.0, scores=(), error="OutputError: empty") for row in samples()[:1]]
    item = page_of(tmp_path, samples=rows + samples()[1:]).select_one("#item-1")
    assert "closed-book failed: OutputError: empty" in item.select_one(".error").get_text()
    assert "failed: closed-book" in item.select_one(".dots")["title"]
    assert item.has_attr("data-failed")


def test_short_answers_are_shown_with_their_metrics(tmp_path: Path) -> None:
    item = Item("s1", "Who leads it?", (), -1, ("Oskevald", "Maren Oskevald"), "who")
    metrics = {"contains": 1.0, "exact_match": 0.0, "f1": 0.67}
    rows = [
        Sample("rag", "s1", "It is <Oskevald>", "Oskevald", 1.0, metrics, (), 9, 5, 0.5),
        Sample("closed-book", "s1", "nobody", "Oskevald", 0.0, dict.fromkeys(metrics, 0.0), (), 9, 5, 0.5),
    ]
    arms = [
        arm_json(arm_result("rag", 1.0, n=1, metrics=metrics, by_kind={"who": (1.0, 1)})),
        arm_json(arm_result("closed-book", 0.0, n=1, metrics=dict.fromkeys(metrics, 0.0), by_kind={"who": (0.0, 1)})),
    ]
    page = page_of(
        tmp_path, items=(item,), samples=rows, contexts=[], metrics=metrics_json(arms, (), headline="contains")
    )
    answers = []
    for row in page.select(".answers tbody tr"):
        answers.append([cell.get_text().strip() for cell in row.select("th, td")])
    assert answers == [
        ["rag", "It is <Oskevald>", "✓ right", "contains 1.00 · exact_match 0.00 · f1 0.67"],
        ["closed-book", "nobody", "✗ wrong", "contains 0.00 · exact_match 0.00 · f1 0.00"],
    ]
    assert "Oskevald / Maren Oskevald" in page.select_one(".gold-line").get_text()
    assert "chance" not in page.select_one("#plot-accuracy").get_text()
    assert field(page.select_one("tr[data-arm=rag]"), "metrics.f1") == [(0.67, "67.0 %")]
    assert page.select_one("#plot-kinds") is None


def test_training_seeds_are_one_arm_with_votes(tmp_path: Path) -> None:
    seeds = [
        Sample(f"lora#{seed}", "q1", chosen, "0", float(chosen == "0"), {}, (-1.0, -2.0), 9, 1, 0.5)
        for seed, chosen in enumerate("001")
    ]
    metrics = default_metrics()
    metrics["arms"][3]["seeds"] = {"0": 0.6, "1": 0.65, "2": 0.7}
    arms = [{"name": "lora", "adapter": "", "retriever": "none", "samples": ["lora#0", "lora#1", "lora#2"]}]
    page = page_of(tmp_path, samples=seeds, metrics=metrics, manifest=manifest_json(arms=arms))
    item = page.select_one("#item-1")
    gold, other = item.select(".options tbody tr")
    assert "2/3" in gold.select("td")[1].get_text()
    assert "1/3" in other.select("td")[1].get_text()
    assert "partly right: lora" in item.select_one(".dots")["title"]
    assert item["data-values"].split()[1] == "0.666667"
    cells = page.select("tr[data-arm=lora] td.n")
    assert "1.28 s" in [cell.get_text().translate(SPACES) for cell in cells]  # 11.5 s for 3 items with 3 seeds


def test_page_of_many_items_stays_small(tmp_path: Path) -> None:
    items = [replace(ITEMS[0], id=f"q{number}") for number in range(80)]
    rows = [replace(row, item_id=item.id) for item in items for row in samples()[::3]]
    text = "[1] " + "Maren Oskevald watched from a pilot boat while the crane let go. " * 48
    lines = [
        {"retriever": key, "item_id": item.id, "text": text + key, "chunk_ids": [], "tokens": 768, "seconds": 0.1}
        for item in items
        for key in ("rag", "oracle")
    ]
    write_run(tmp_path, items=items, samples=rows, contexts=[])
    (tmp_path / "contexts.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert write_report(tmp_path).stat().st_size < 1_500_000


def chromium(*arguments: str, page: Path) -> subprocess.CompletedProcess[str]:
    command = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if command is None:
        pytest.skip("Chromium is not on PATH")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --enable-logging=stderr --hide-scrollbars"
    profile = f"--user-data-dir={page.parent / 'profile'}"
    return subprocess.run(
        [command, *flags.split(), profile, *arguments, page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


@pytest.mark.browser
def test_browser_draws_the_page_without_complaint(tmp_path: Path) -> None:
    from PIL import Image

    page = write_report(write_run(tmp_path / "run"))
    shot = tmp_path / "shot.png"
    done = chromium(f"--screenshot={shot}", "--window-size=1300,2400", page=page)
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
    with Image.open(shot) as image:
        colours = image.convert("RGB").getcolors(maxcolors=1_000_000)
    assert colours is not None
    assert len(colours) > 50
    drawn = BeautifulSoup(chromium("--dump-dom", page=page).stdout, "html.parser")
    assert drawn.select_one(".filters output").get_text() == "3 of 3 items"
    assert not drawn.select_one(".filters").has_attr("hidden")


CLICKS = {
    "document.querySelector('td[data-field=losses] a').click()": ["q2"],
    "f.text.value = 'PETREL which'; f.dispatchEvent(new Event('input'))": ["q3"],
    "f.outcome.value = 'disagree'; f.dispatchEvent(new Event('input'))": ["q1", "q2"],
    "f.kind.selectedIndex = 2; f.dispatchEvent(new Event('input'))": ["q3"],
    "f.better.value = 'closed-book'; f.dispatchEvent(new Event('input'))": ["q2"],
}


@pytest.mark.browser
@pytest.mark.parametrize("click", CLICKS)
def test_filters_show_the_matching_items(tmp_path: Path, click: str) -> None:
    page = write_report(write_run(tmp_path / "run"))
    text = page.read_text(encoding="utf-8")
    text = re.sub(r"<meta http-equiv[^>]*>", "", text)
    action = f"<script>const f = document.querySelector('form.filters').elements; {click}</script></body>"
    action = action.replace("f.dispatchEvent", "document.querySelector('form.filters').dispatchEvent")
    page.write_text(text.replace("</body>", action), encoding="utf-8")
    drawn = BeautifulSoup(chromium("--dump-dom", page=page).stdout, "html.parser")
    shown = [node.select_one(".id").get_text() for node in drawn.select("details.item") if not node.has_attr("hidden")]
    assert shown == CLICKS[click]
    assert drawn.select_one(".filters output").get_text() == f"{len(shown)} of 3 items"
