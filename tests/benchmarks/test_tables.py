"""The tables of the documentation are those of the recorded runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.layout import TABLES
from benchmarks.results import Figure, Machine, RecordedRun, append, read_runs
from benchmarks.tables import fill, main, pages, render, stale
from models.errors import ConfigError, InputError

MACHINE = Machine(processor="AMD EPYC", cores=2, memory_gib=16, python="3.11.9")


def record(folder: Path, day: int, *figures: Figure, benchmark: str = "leiden", carried_over: bool = False) -> None:
    run = RecordedRun(
        benchmark=benchmark,
        command=f"python -m benchmarks.{benchmark} --day {day}",
        date=datetime(2031, 5, day, tzinfo=UTC),
        commit="0123456789abcdef" + ("" if day > 1 else "+changes"),
        machine=MACHINE,
        figures=figures,
        carried_over=carried_over,
    )
    append(folder, run)


def seconds(way: str, value: float, edges: int = 1_000_000) -> Figure:
    return Figure(name="seconds", setting={"edges": str(edges), "way": way}, value=value, unit="s")


def test_no_page_is_stale() -> None:
    """Run `python -m benchmarks.tables` if this fails."""
    assert stale() == []


def test_every_recorded_figure_of_a_table_is_shown() -> None:
    """A table of every name, and each line that was carried over is in one of them until later runs replace it."""
    shown = "".join(render(name) for name in TABLES)
    runs = sorted(read_runs(), key=lambda run: run.date)
    for position, run in enumerate(runs):
        later = [settings_of(other) for other in runs[position + 1 :] if other.benchmark == run.benchmark]
        replaced = settings_of(run) <= set().union(*later)
        if run.carried_over and not replaced:
            assert f"`{run.command}`" in shown, f"{run.benchmark}: {run.command}"


def settings_of(run: RecordedRun) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """What a run's figures are figures of."""
    return {(figure.name, tuple(sorted(figure.setting.items()))) for figure in run.figures}


def test_the_latest_figure_of_a_setting_counts_and_its_run_is_named(tmp_path: Path) -> None:
    record(tmp_path, 2, seconds("igraph", 4.0), seconds("native", 5.0))
    record(tmp_path, 3, seconds("igraph", 3.0))
    record(tmp_path, 1, seconds("igraph", 9.0), seconds("steady", 64.0), carried_over=True)
    table, sources = render("leiden", tmp_path).split("\n\n")
    assert table.splitlines() == [
        "| edges | way | seconds |",
        "| --- | --- | --: |",
        "| 1,000,000 | igraph | 3 |",
        "|  | graspologic's library | 5 |",
        "|  | `steady`, ours | 64 |",
    ]
    machine = "2 cores of AMD EPYC, 16 GiB, no GPU, Python 3.11.9"
    assert sources.splitlines() == [
        f"- 2031-05-01, commit `0123456` with changes, {machine}, carried over: `python -m benchmarks.leiden --day 1`",
        f"- 2031-05-02, commit `0123456`, {machine}: `python -m benchmarks.leiden --day 2`",
        f"- 2031-05-03, commit `0123456`, {machine}: `python -m benchmarks.leiden --day 3`",
    ]
    assert render("leiden", tmp_path, sources="none") == f"{table}\n"


def test_rows_of_a_set_stay_together_and_foreign_labels_stay_out(tmp_path: Path) -> None:
    record(tmp_path, 2, seconds("igraph", 4.0), seconds("igraph", 52.0, 10_000_000))
    foreign = Figure(name="seconds", setting={"edges": "1000000", "way": "igraph", "seed": "3"}, value=1, unit="s")
    record(tmp_path, 3, seconds("leidenalg", 34.7), foreign)
    rows = render("leiden", tmp_path, sources="none").splitlines()[2:]
    assert rows == ["| 1,000,000 | igraph | 4 |", "|  | leidenalg | 34.7 |", "| 10,000,000 | igraph | 52 |"]


def test_columns_by_a_label_with_the_best_in_bold(tmp_path: Path) -> None:
    labels = {"set": "popqa", "questions": "500", "encoder": "minilm"}
    values = {"graph": 0.602, "bm25": 0.51, "somebody's own": 0.9}
    figures = [
        Figure(name="recall@5", setting={**labels, "retriever": name}, value=value, unit="share", low=0.5, high=0.7)
        for name, value in values.items()
    ]
    record(tmp_path, 2, *figures, benchmark="retrieval")
    rows = render("retrieval", tmp_path, sources="none").splitlines()
    assert rows[0] == "| set | questions | share | bm25 | graph |"
    assert rows[2].endswith("| 500 | recall@5 | .510 (.500–.700) | **.602 (.500–.700)** |")


def test_figures_as_rows_stand_in_the_order_of_the_table(tmp_path: Path) -> None:
    labels = {"set": "popqa", "questions": "500", "encoder": "minilm", "retriever": "graph"}
    names = ("recall@10", "all@5", "recall@5")
    record(tmp_path, 2, *(Figure(name=name, setting=labels, value=0.5) for name in names), benchmark="retrieval")
    rows = render("retrieval", tmp_path, sources="none").splitlines()[2:]
    assert [row.split(" | ")[2] for row in rows] == ["recall@5", "all@5", "recall@10"]


def test_a_page_is_filled_between_its_comments(tmp_path: Path) -> None:
    record(tmp_path, 2, seconds("igraph", 4.0))
    page = "Before.\n\n<!-- table: leiden -->\nold\n<!-- /table -->\n\nAfter.\n"
    filled = fill(page, tmp_path)
    assert "| 1,000,000 | igraph | 4 |" in filled and "old" not in filled
    assert filled.startswith("Before.\n\n<!-- table: leiden -->\n\n|") and filled.endswith(
        "\n\n<!-- /table -->\n\nAfter.\n"
    )
    assert fill(filled, tmp_path) == filled


def test_a_stale_page_is_found(tmp_path: Path) -> None:
    """The page of results and every page with a table between comments."""
    for name, table in TABLES.items():
        setting = {label: allowed[0] for label, allowed in table.where.items()}
        setting |= {label: "x" for label in (*table.rows, table.column) if label not in (*table.where, "figure")}
        if table.columns and table.column != "figure":
            setting[table.column] = table.columns[0]
        record(
            tmp_path / "results", 2, Figure(name=table.figures[0], setting=setting, value=1), benchmark=table.benchmark
        )
        assert render(name, tmp_path / "results")
    (tmp_path / "docs" / "guides").mkdir(parents=True)
    guide = tmp_path / "docs" / "guides" / "speed.md"
    guide.write_text("<!-- table: leiden -->\n<!-- /table -->\n")
    assert stale(tmp_path, tmp_path / "results") == [tmp_path / "docs" / "results.md", guide]
    for file, text in list(pages(tmp_path, tmp_path / "results")):
        file.write_text(text)
    assert stale(tmp_path, tmp_path / "results") == []
    record(tmp_path / "results", 3, Figure(name="seconds", setting={"edges": "x", "way": "x"}, value=2))
    assert len(stale(tmp_path, tmp_path / "results")) == 2


def test_an_unknown_table_and_one_without_figures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Unknown table 'leidn'. Did you mean 'leiden'\?"):
        render("leidn", tmp_path)
    with pytest.raises(InputError, match="No recorded run"):
        render("leiden", tmp_path)


def test_one_table_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    assert capsys.readouterr().out == render("demo")
    assert main(["--check"]) == 0
