"""The curve of facts against tokens: an answer that is cut costs less and holds less; nothing else is asked."""

import json

import pytest

from eval.extraction.curve import extraction_curve
from eval.extraction.gold_triples import GoldDocument, Relation
from eval.extraction.relation_match import RelationMatch
from kg.config import ExtractConfig
from kg.extraction.chat import ChatExtractor
from kg.extraction.protocol import ExtractionInput
from kg.language.sentences import RuleSentences
from kg.schema import Chunk
from models.errors import BudgetError, OutputError
from models.protocols import Completion, Usage
from tests.kg.scripted import LetterEncoder

TEXT = "Ada Lorne founded Marrow. Ines Varga leads Torsby. Bo Finch owns Bellwick. Tomas Rill sold Orrin."
LINES = [
    "Ada Lorne | founded | Marrow",
    "Ines Varga | leads | Torsby",
    "Bo Finch | owns | Oune",
    "Tomas Rill | sold | Orrin",
]
GOLD = GoldDocument(
    title="Mills",
    text=TEXT,
    entities=(("Ada Lorne",), ("Marrow",), ("Ines Varga",), ("Torsby",), ("Tomas Rill",), ("Orrin",)),
    triples=((0, Relation("founded"), 1), (2, Relation("leads"), 3), (4, Relation("sold"), 5)),
)


class Fixed:
    """Gives the same answer to every request, or a useless one to those about more than some sentences."""

    name, digest = "fixed", "fixed-1"

    def __init__(self, lines, most=9):
        self.lines, self.most, self.asked = lines, most, 0

    def complete(self, request):
        self.asked += 1
        text = request.messages[-1].content
        if self.lines is None:
            raise BudgetError("nothing on record")
        if text.count(".") > self.most:
            raise OutputError("no answer", 40, 25)
        parsed = {"facts": [line for line in self.lines if line.split(" | ")[0] in text]}
        return Completion(json.dumps(parsed), Usage(40, 60), "stop", 0.1, parsed=parsed)


def points(lines, density, *bounds, most=9):
    chat = Fixed(lines, most)
    read = ChatExtractor(chat, RuleSentences(), ExtractConfig(density=density, gleaning="none"))
    passage = ExtractionInput((Chunk("c:1", "d:1", 0, 0, len(TEXT), TEXT, 50),), title="Mills", date="")
    found = extraction_curve([GOLD], [(0, passage)], read, RelationMatch(LetterEncoder(), 0.5), bounds)
    assert chat.asked == (1 if lines and most > 3 else 3)
    return found


def test_a_lower_bound_keeps_fewer_facts_for_fewer_tokens():
    two, four = points(LINES, 8.0, 4.0, 8.0)
    assert (two.density, four.density) == (4.0, 8.0)
    assert four.tokens_out == pytest.approx(60 / 50)
    assert 0.4 < two.tokens_out / four.tokens_out < 0.6
    assert (two.facts, four.facts) == (pytest.approx(100 * 2 / 50), pytest.approx(100 * 3 / 50))
    assert (two.dropped, four.dropped) == (0, pytest.approx(1 / 4))
    assert two.pairs.recall.mean == pytest.approx(2 / 3)
    assert four.pairs.recall.mean == 1


def test_the_last_bound_is_the_one_that_the_run_had():
    assert [point.density for point in points(LINES, 4.0, 2.0, 4.0, 6.0)] == [2.0, 4.0]
    assert [point.density for point in points(LINES, 0.8, 1.0, 2.0)] == [0.8]


def test_without_any_answer_there_is_no_curve():
    assert points(None, 4.0, 2.0, 4.0) == []


def test_an_input_split_in_halves_counts_with_the_cost_of_all_three_replies():
    (point,) = points(LINES, 8.0, 8.0, most=2)
    assert point.tokens_out == pytest.approx((25 + 60 + 60) / 50)
    assert point.pairs.recall.mean == 1
