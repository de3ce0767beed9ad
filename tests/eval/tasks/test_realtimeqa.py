import json
from pathlib import Path

import pytest

from eval.tasks.realtimeqa import collect_articles, load_realtimeqa, realtimeqa_documents, with_articles, write_sources
from eval.types import Item
from kg.documents.load import load
from models.errors import InputError

SHARED = Path(__file__).parents[4] / "shared" / "data" / "realtimeqa"
QUESTION = {
    "question_id": "20310508_0",
    "question_date": "2031/05/08",
    "question_source": "THE TIDE",
    "question_sentence": "Which bridge opened?",
    "choices": ["Oune\\'s", "Varn"],
    "answer": ["1"],
}


def article(name, date, text=None):
    return {"url": f"https://x.example/{name}", "title": name, "text": text or f"Text of {name}.", "publish_date": date}


def write(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def results(tmp_path, *lists):
    rows = [
        {"question_id": f"20310508_{number}", "search_time": "2031/05/08/22:48", "search_result": found}
        for number, found in enumerate(lists)
    ]
    return write(tmp_path / "20310508_gcs.jsonl", *rows)


def test_a_question_becomes_an_item(tmp_path):
    (item,) = load_realtimeqa(write(tmp_path / "qa.jsonl", QUESTION))
    assert item == Item(
        "20310508_0", "Which bridge opened?", ("Oune's", "Varn"), 1, ("Varn",), "THE TIDE", "2031-05-08"
    )


@pytest.mark.parametrize("answer", [[], ["2"], ["x"], "1", [1], ["0", "1"], None])
def test_an_item_without_a_valid_answer_is_an_error_with_its_line(tmp_path, answer):
    path = write(tmp_path / "qa.jsonl", QUESTION, {**QUESTION, "question_id": "b", "answer": answer})
    with pytest.raises(InputError, match=r"qa.jsonl, line 2: expected \"answer\""):
        load_realtimeqa(path)


def test_the_newest_articles_out_by_the_search_are_kept(tmp_path):
    found = [
        article("old", "2030/01/01"),
        article("late", "2031/05/09"),
        article("new", "2031/05/08"),
        article("mid", "2031/05/01"),
        article("empty", "2031/05/07", "  "),
        {"url": "https://x.example/none", "title": "no text"},
        article("undated", None),
    ]
    documents = realtimeqa_documents(results(tmp_path, found), newest=2)
    assert [(document.title, document.date) for document in documents] == [("new", "2031-05-08"), ("mid", "2031-05-01")]


def test_one_article_of_two_questions_is_one_document(tmp_path):
    shared, copy = article("a", "2031/05/01"), article("a-copy", "2031/05/02", "Text of a.")
    articles = collect_articles([results(tmp_path, [shared], [copy, article("b", "2031/05/03")], [shared])])
    assert [document.title for document in articles.documents] == ["a", "b"]
    a, b = (document.source for document in articles.documents)
    assert articles.of_question == {"20310508_0": (a,), "20310508_1": (b, a), "20310508_2": (a,)}


def test_long_articles_are_cut_between_words(tmp_path):
    path = results(tmp_path, [article("a", "2031/05/01", "one two three")])
    assert realtimeqa_documents(path, max_characters=9)[0].text == "one two"
    assert realtimeqa_documents(path, max_characters=7)[0].text == "one two"
    assert realtimeqa_documents(path, max_characters=2)[0].text == "on"


def test_the_written_sources_load_as_the_very_documents_that_items_name(tmp_path):
    path = results(tmp_path, [article("a", "2031/05/01", "One.\r\nTwo."), article("b", "2031/05/02")], [])
    articles = collect_articles([path])
    (loaded,) = load(write_sources(articles.documents, tmp_path / "sources"))
    assert set(loaded.documents) == set(articles.documents)
    items = load_realtimeqa(write(tmp_path / "qa.jsonl", QUESTION, {**QUESTION, "question_id": "20310508_1"}))
    with_gold, without = with_articles(items, articles)
    assert {gold.document for gold in with_gold.evidence} == {document.source for document in loaded.documents}
    assert without.evidence == ()


def test_questions_given_as_search_results_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"line 1.*search results"):
        realtimeqa_documents(write(tmp_path / "qa.jsonl", QUESTION))


@pytest.mark.shared_data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the development data is not there")
@pytest.mark.parametrize("week", ["20260508", "20260515", "20260529", "20260605"])
def test_the_published_weeks_load(week, tmp_path):
    items = load_realtimeqa(SHARED / f"{week}_qa.jsonl")
    articles = collect_articles([SHARED / f"{week}_gcs.jsonl"], newest=3, max_characters=4000)
    assert len(items) == 20
    assert set(articles.of_question) == {item.id for item in items}
    assert all(len(sources) <= 3 for sources in articles.of_question.values())
    (loaded,) = load(write_sources(articles.documents, tmp_path))
    assert not loaded.error
    assert set(loaded.documents) == set(articles.documents)
