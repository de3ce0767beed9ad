import json

import pytest

from eval.runs.records import Appender, drop_cut_line, from_dict, read_records, to_line, write_records
from eval.types import Context, GoldEvidence, Item, Sample
from models.errors import StoreError

ITEM = Item("q1", "Wer?", ("ja", "nein"), 1, ("nein",), "kind", "2031", (GoldEvidence("a.md", "x"),))
CONTEXT = Context("rag", "q1", "[1] ß\u2028", ("c:1", "c:2"), 3, 0.25, None)
SAMPLE = Sample("rag", "q1", "1", "1", 1.0, {"f1": 0.5}, (-0.5, -1.25), 9, 0, 0.1)


@pytest.mark.parametrize("record", [ITEM, CONTEXT, SAMPLE])
def test_a_record_reads_back_as_it_was(record):
    assert from_dict(type(record), json.loads(to_line(record))) == record


def test_records_appended_in_two_sessions_are_read_in_order(tmp_path):
    path = tmp_path / "samples.jsonl"
    for prediction in ("0", "1"):
        with Appender(path) as samples:
            samples.append(from_dict(Sample, {**json.loads(to_line(SAMPLE)), "prediction": prediction}))
    assert [sample.prediction for sample in read_records(Sample, path)] == ["0", "1"]


def test_a_line_cut_short_is_dropped_and_the_next_one_is_whole(tmp_path):
    path = tmp_path / "contexts.jsonl"
    write_records(path, [CONTEXT, CONTEXT])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert len(read_records(Context, path)) == 1
    with Appender(path) as contexts:
        contexts.append(CONTEXT)
    assert path.read_bytes() == whole


def test_a_file_cut_in_its_first_line_is_empty_again(tmp_path):
    path = tmp_path / "contexts.jsonl"
    path.write_bytes(to_line(CONTEXT).encode()[:7])
    assert drop_cut_line(path)
    assert path.read_bytes() == b""
    assert not drop_cut_line(path)


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path):
    path = tmp_path / "items.jsonl"
    path.write_text(to_line(ITEM) + "\n{broken\n" + to_line(ITEM) + "\n")
    with pytest.raises(StoreError, match=r"items.jsonl, line 2"):
        read_records(Item, path)


def test_a_second_process_cannot_append_to_the_same_file(tmp_path):
    with Appender(tmp_path / "samples.jsonl"), pytest.raises(StoreError, match="another process"):
        Appender(tmp_path / "samples.jsonl")
