"""A schema from a sample: what occurs often, from the same documents every time."""

from __future__ import annotations

from kg.config import ExtractConfig
from kg.extraction.chat import ChatExtractor
from kg.extraction.examples import extraction_prompt
from kg.extraction.learn_schema import induce_schema
from kg.language.sentences import RuleSentences
from kg.schema import Document
from tests.kg.scripted import ScriptedChat

TEXTS = [
    "Ada Lorne founded Marrow Mills. Tomas Lorne praised Ada Lorne.",
    "Ines Varga founded Harrow Mills. Ines Varga met Ada Lorne.",
    "Torsby Bank founded Oune Bank.",
]
DOCUMENTS = [Document(f"d:{number}", f"{number}.md", "T", text) for number, text in enumerate(TEXTS)]


def test_kinds_and_relations_come_most_often_first() -> None:
    chat = ScriptedChat()
    found = induce_schema(
        DOCUMENTS, ChatExtractor(chat, RuleSentences(), ExtractConfig(gleaning="none")), RuleSentences(), sample=9
    )
    assert found.documents == len(chat.asked) == 3
    assert found.entity_types[0][0] == "person"
    assert dict(found.relations) == {"founds": 3}  # in its canonical form; what occurs once is left out
    assert dict(found.entity_types).keys() == {"person", "organisation"}


def test_a_sample_is_the_same_whatever_the_order() -> None:
    chats = [ScriptedChat(), ScriptedChat()]
    for chat, documents in zip(chats, (DOCUMENTS, DOCUMENTS[::-1]), strict=True):
        induce_schema(
            documents, ChatExtractor(chat, RuleSentences(), ExtractConfig(gleaning="none")), RuleSentences(), sample=2
        )
    assert chats[0].asked == chats[1].asked
    assert len(chats[0].asked) == 2


def test_given_relations_are_named_in_the_prompt_and_examples_with_others_are_left_out() -> None:
    prompt = extraction_prompt(ExtractConfig(relations=("owns", "borders"), entity_types=("mill",), style="full"))
    assert [role for role, _ in prompt.turns] == ["system", "user"]
    assert "owns, borders" in prompt.turns[0][1]
    assert "Kinds are mill" in prompt.turns[0][1]
