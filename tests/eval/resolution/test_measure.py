import random
from pathlib import Path

import numpy as np
import pytest

from eval.resolution.blocking import candidates
from eval.resolution.measure import best_threshold, measure_resolution
from eval.resolution.record_pairs import read_folder, read_record
from eval.resolution.similarity import PER_COLUMN, RecordSimilarity
from models.errors import InputError
from tests.app.command import graft
from tests.kg.scripted import LetterEncoder

SHARED = Path(__file__).parents[4] / "shared" / "data" / "entity_resolution"


def write_set(folder, columns=("title", "maker", "year"), seed=0):
    """Records with a clean and a noisy twin; a third of the pairs match."""
    rng = random.Random(seed)
    syllables = ["ka", "lo", "mer", "ti", "vos", "dre", "qui", "sel", "bor", "nem"]

    def word():
        return "".join(rng.choices(syllables, k=3))

    def text(record):
        return " ".join(f"COL {column} VAL {value}" for column, value in zip(columns, record, strict=True))

    def line(left, right, label):
        return f"{text(left)}\t{text(right)}\t{label}\n"

    folder.mkdir(parents=True)
    for split, count in (("train", 60), ("valid", 15), ("test", 45)):
        lines = []
        for number in range(count):
            left = [f"{word()} {word()} {word()}", f"{word()} ltd", str(rng.randint(1900, 2030))]
            if number % 3 == 0:
                lines.append(line(left, [f"the {left[0].title()}", left[1].removesuffix(" ltd"), left[2]], 1))
            else:
                lines.append(line(left, [f"{left[0].split()[0]} {word()}", left[1], str(rng.randint(1900, 2030))], 0))
        (folder / f"{split}.txt").write_text("".join(lines))
    return folder


def test_a_record_is_read_whatever_its_columns():
    record = read_record("COL Beer Name VAL Red &#40; Ale &#41; COL ABV VAL 8.10 % COL note VAL ")
    assert record == (("Beer Name", "Red ( Ale )"), ("ABV", "8.10 %"), ("note", ""))


@pytest.mark.parametrize("line", ["COL a VAL b\tCOL a VAL c\n", "COL a VAL b\tCOL a VAL c\t2\n", "b\tCOL a VAL c\t1\n"])
def test_a_wrong_line_is_named(tmp_path, line):
    folder = write_set(tmp_path / "set")
    (folder / "valid.txt").write_text("COL a VAL b\tCOL a VAL c\t1\n" + line)
    with pytest.raises(InputError, match=r"valid\.txt:2: expected 'COL name VAL value"):
        read_folder(folder)


@pytest.fixture(scope="module")
def made_up(tmp_path_factory):
    """A set, and how it is matched."""
    folder = write_set(tmp_path_factory.mktemp("sets") / "made-up")
    return folder, measure_resolution(folder, LetterEncoder())


def test_matching_records_are_found_and_the_figures_follow_from_the_test_pairs(made_up):
    _, result = made_up
    assert (result.name, result.n, result.matches) == ("made-up", 45, 15)
    assert result.f1.mean > 0.9
    assert result.f1.low <= result.f1.mean <= result.f1.high
    expected = 2 * result.precision.mean * result.recall.mean / (result.precision.mean + result.recall.mean)
    assert result.f1.mean == pytest.approx(expected)
    assert result.blocking.share == result.blocking.pairs / (result.blocking.left * result.blocking.right) < 0.35
    assert result.blocking.recall > 0.95


def test_the_names_of_the_columns_do_not_matter(made_up, tmp_path):
    _, one = made_up
    other = measure_resolution(write_set(tmp_path / "other", ("x1", "x2", "x3")), LetterEncoder())
    assert (one.f1, one.threshold, one.blocking) == (other.f1, other.threshold, other.blocking)


def test_nothing_is_learnt_from_the_test_labels(made_up, tmp_path):
    _, before = made_up
    folder = write_set(tmp_path / "set")
    lines = (folder / "test.txt").read_text().splitlines()
    (folder / "test.txt").write_text("".join(f"{line[:-1]}{1 - int(line[-1])}\n" for line in lines))
    after = measure_resolution(folder, LetterEncoder())
    assert (after.threshold, after.validation_f1) == (before.threshold, before.validation_f1)
    assert after.f1.mean < 0.2


def test_blocking_compares_a_bounded_number_of_pairs_a_record(tmp_path):
    pairs = read_folder(write_set(tmp_path / "set"))["train"]
    left, right = [pair.left for pair in pairs], [pair.right for pair in pairs]
    compared = candidates(left, right, LetterEncoder())
    assert len(compared) <= 15 * (len(left) + len(right))
    assert {(pair.left, pair.right) for pair in pairs if pair.is_match} <= compared


def test_a_missing_value_is_neither_alike_nor_unlike():
    left, right = read_record("COL a VAL salt inn COL b VAL -"), read_record("COL a VAL salt inn COL b VAL 12")
    similarity = RecordSimilarity([left, right], ["a", "b"], LetterEncoder())
    (row,) = similarity.features([type("Pair", (), {"left": left, "right": right})()])
    assert row[PER_COLUMN : 2 * PER_COLUMN].tolist() == [1.0, *[0.0] * (PER_COLUMN - 1)]
    assert row[:2].tolist() == [0.0, 1.0]


def test_a_threshold_lies_between_scores_and_a_single_label_is_refused(tmp_path):
    assert best_threshold(np.array([0.5, 0.5]), np.array([True, False])) == (0.5, pytest.approx(2 / 3))
    folder = write_set(tmp_path / "set")
    for split in ("train", "valid"):
        (folder / f"{split}.txt").write_text("COL a VAL b\tCOL a VAL c\t1\n" * 3)
    with pytest.raises(InputError, match="two pairs or more of either label"):
        measure_resolution(folder, LetterEncoder())


def test_the_command_prints_a_table_and_json(tmp_path):
    folder = write_set(tmp_path / "set")
    options = ("--encoder", "tests.kg.scripted:LetterEncoder", "--quiet")
    (row,) = graft("eval", "resolution", folder, *options, "--json").json["sets"]
    assert set(row["f1"]) == {"mean", "low", "high"}
    table = graft("eval", "resolution", folder, *options, "--threshold", "1")
    assert "blocking" in table.out
    assert "0.000" in table.out
    assert "Name a folder with train.txt" in graft("eval", "resolution", tmp_path, *options).error(2)


@pytest.mark.shared_data
@pytest.mark.models
@pytest.mark.skipif(not SHARED.is_dir(), reason="the development data is not there")
def test_restaurants_are_matched_as_published():
    from models.factory import open_encoder

    assert measure_resolution(SHARED / "Fodors-Zagats", open_encoder("minilm")).f1.mean > 0.97
