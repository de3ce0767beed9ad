import pytest

from eval.tasks.gold import GoldFinder, find_quote
from eval.types import GoldEvidence, Item
from kg.schema import Chunk, Document
from models.errors import InputError

TEXT = "Ada came. Bo went.\n\nCy stayed."


class Store:
    """Two documents; the first in three chunks, one a sentence."""

    def __init__(self):
        self.rows = {Document: [], Chunk: []}
        self.rows[Document] = [Document("d:1", "news/a.md", "A", TEXT), Document("d:2", "b.md", "B", "Cy stayed.")]
        spans = [(0, 9), (10, 18), (20, 30)]
        self.rows[Chunk] = [Chunk(f"c:{n}", "d:1", n, s, e, TEXT[s:e], 3) for n, (s, e) in enumerate(spans)]
        self.rows[Chunk].append(Chunk("c:9", "d:2", 0, 0, 10, "Cy stayed.", 3))

    def read(self, kind, ids=None):
        return iter(self.rows[kind])


def gold(*evidence):
    item = Item("q", "?", ("a", "b"), 0, ("a",), evidence=tuple(GoldEvidence(*pair) for pair in evidence))
    return GoldFinder(Store()).find_all([item])["q"]


def test_a_quote_gives_every_chunk_it_touches():
    assert gold(("news/a.md", "Bo went.")).chunk_ids == ("c:1",)
    assert gold(("news/a.md", "Bo went. Cy")).chunk_ids == ("c:1", "c:2")


def test_white_space_does_not_matter_but_case_does():
    assert find_quote("a  b\nc", "a b c") == (0, 6)
    assert find_quote("e\u0301 ok é", "é") == (6, 7)
    assert find_quote("Ada", "ada") is None


def test_evidence_without_a_quote_is_the_whole_document_behind_the_quotes():
    found = gold(("news/a.md", ""), ("b.md", "stayed"))
    assert found.documents == ("d:1", "d:2")
    assert found.chunk_ids == ("c:9", "c:0", "c:1", "c:2")


def test_a_document_may_be_named_by_the_end_of_its_path():
    assert gold(("a.md", "Ada")).documents == ("d:1",)
    assert gold(("corpus/news/a.md", "Ada")).documents == ("d:1",)


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        (("c.md", ""), 'names the document "c.md"'),
        (("b.md", "Ada came"), "is not in b.md"),
        (("d.md", ""), "news/a.md"),
    ],
)
def test_evidence_that_is_not_there_is_an_error_that_names_the_item(evidence, reason):
    with pytest.raises(InputError, match='Item "q"') as error:
        gold(evidence)
    assert reason in str(error.value)


def test_an_item_without_evidence_has_no_gold():
    assert gold().chunk_ids == gold().documents == ()
