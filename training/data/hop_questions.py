"""Questions for a hop encoder that are made from a graph's own paths, so that a corpus without questions can train one.

A path is two facts that share an entity and stand in different passages; where it starts and what is shared have names.
A chat model describes what is shared by the first fact, and asks about it, by its name, for the far end of the second;
the description then takes the place of the name. So a small model need not hide what it is shown: each fact has a gap
where the description, or the question, leads. A question that gives away the shared name or the answer nevertheless, or
does not name where it starts, is refused and counted.

    made = path_questions(store, chat, 400, executor)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kg.language.spacy_pipeline import VALUE
from kg.schema import Entity, Fact
from kg.stores.protocol import GraphStore
from models.calls.executor import Executor, ask_all
from models.calls.prompt import Prompt, load_prompt
from models.errors import InputError, ModelError, OutputError
from models.protocols import ChatModel, ChatRequest, Completion, Usage
from models.runtime.progress import SILENT, Progress
from retrieval.text.names import looks_like_name
from retrieval.text.terms import telling_terms, terms
from retrieval.text.texts import fact_text, passage_texts
from training.data.hop_sets import HopQuestion, HopSet

_SCHEMA = {
    "type": "object",
    "properties": {
        "described": {"type": "string", "maxLength": 160},
        "question": {"type": "string", "maxLength": 240},
    },
    "required": ["described", "question"],
    "additionalProperties": False,
}
_MAX_TOKENS = 128
_WORDS = 4
"""A question of two steps has at least so many."""
_PASSAGES = 10
"""An entity of more passages than this is no bridge: what it joins has little to do with one another."""
_PER_ENTITY = 2
"""Paths through one entity: more would make a few hubs the whole training set."""
_GAP = "___"
_ARTICLE = re.compile(r"^(?:The|An?) ")
_CAPITAL = r"[^\W\d_a-z]\w*"


@dataclass(frozen=True, slots=True)
class FactPath:
    """Two facts of different passages that share an entity.

    Attributes:
        start: Name of the first fact's other end.
        shared: Name of the shared entity, with its other names.
        answer: Name of the second fact's other end.
        first: The first fact in words, with a gap for the shared entity.
        second: The second fact in words, with a gap for the answer.
        passages: Ids of the chunks that state them, in order.
    """

    start: str
    shared: tuple[str, ...]
    answer: str
    first: str
    second: str
    passages: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A path without a usable question, and why."""

    path: FactPath
    reason: str


@dataclass(frozen=True, slots=True)
class PathQuestions:
    """What came of the paths: asked = len(own.questions) + len(refused).

    Attributes:
        own: All passages, and the usable questions in the order of the paths.
        refused: The paths without one.
        usage: Tokens read and written, useless answers included.
    """

    own: HopSet
    refused: tuple[Refused, ...]
    usage: Usage


def path_questions(
    store: GraphStore, name: str, chat: ChatModel, limit: int, executor: Executor, progress: Progress = SILENT
) -> PathQuestions:
    """Have questions written for some of a graph's paths.

    Args:
        store: With facts that have evidence.
        name: Of the set.
        chat: Writes them; wrapped in its records, calls already made cost nothing.
        limit: Most paths to ask about.
        executor: Spreads the calls.
        progress: Told of finished calls.
    Raises:
        InputError: The graph has no such path, or no question was usable.
        ModelError: The model cannot be reached, or refuses every call.
        BudgetReached: The budget is used up; a second run goes on.
    """
    paths = fact_paths(store, limit)
    if not paths:
        raise InputError(
            "The graph has no two facts in different passages that share a thing with a name, and lead from a name: "
            "there are no paths to ask about. Index more documents, or give --set a folder with questions of your own."
        )
    prompt = load_prompt("hop_question")
    answers: dict[int, Completion | Exception] = {}
    with progress.step("write questions", total=len(paths), unit="paths") as bar:
        jobs = list(enumerate(paths))
        for (place, _), answer in ask_all(executor, lambda job: chat.complete(_request(prompt, job[1])), jobs):
            if isinstance(answer, Exception) and not isinstance(answer, ModelError):
                raise answer
            answers[place] = answer
            bar.advance()
        made = _gather(store, name, paths, answers)
        bar.note(f"{len(made.refused)} of no use")
    return made


def fact_paths(store: GraphStore, limit: int, seed: int = 0) -> list[FactPath]:
    """Paths of a graph, drawn by chance: at most two through one entity, at most `limit`.

    They lead over what is called by a name, and from one such thing to another or to a value: "the ministry" is another
    one in each passage. Where nothing has a capital, anything may be a name.
    """
    entities = list(store.read(Entity))
    names = {entity.id: (entity.name, *entity.aliases) for entity in entities}
    values = {entity.id for entity in entities if entity.type == VALUE}
    named = ({entity.id for entity in entities if _is_name(entity.name)} or names.keys()) - values
    answers = named | values
    ends: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in store.read(Fact):
        if fact.evidence and fact.subject_id != fact.object_id and {fact.subject_id, fact.object_id} <= names.keys():
            ends[fact.subject_id].append(fact)
            ends[fact.object_id].append(fact)
    draw = np.random.default_rng(seed)
    found: list[FactPath] = []
    for shared in sorted(named & ends.keys()):
        facts = sorted(ends[shared], key=lambda fact: fact.id)
        if len({fact.evidence[0].chunk_id for fact in facts}) in range(2, _PASSAGES + 1):
            drawn = [facts[place] for place in draw.permutation(len(facts)).tolist()]
            ones = [fact for fact in drawn if _far_end(fact, shared) in named]
            others = [fact for fact in drawn if _far_end(fact, shared) in answers]
            found += _through(shared, ones, others, names)
    return [found[place] for place in sorted(draw.permutation(len(found))[:limit].tolist())]


def _through(
    shared: str, ones: Sequence[Fact], others: Sequence[Fact], names: dict[str, tuple[str, ...]]
) -> list[FactPath]:
    found: list[FactPath] = []
    for one in ones:
        for other in others:
            start, answer = _far_end(one, shared), _far_end(other, shared)
            passages = one.evidence[0].chunk_id, other.evidence[0].chunk_id
            if passages[0] == passages[1] or len({start, answer, shared}) < 3:
                continue
            first, second = _with_gap(one, shared, names), _with_gap(other, answer, names)
            found.append(FactPath(names[start][0], names[shared], names[answer][0], first, second, passages))
            break
        if len(found) == _PER_ENTITY:
            break
    return found


def _with_gap(fact: Fact, hidden: str, names: Mapping[str, Sequence[str]]) -> str:
    ends = (_GAP if end == hidden else names[end][0] for end in (fact.subject_id, fact.object_id))
    return fact_text(next(ends), fact.predicate, next(ends))


def _is_name(text: str) -> bool:
    return any(map(looks_like_name, _ARTICLE.sub("", text).split()))


def _far_end(fact: Fact, shared: str) -> str:
    return fact.object_id if fact.subject_id == shared else fact.subject_id


def _request(prompt: Prompt, path: FactPath) -> ChatRequest:
    fields = {"first": path.first, "second": path.second, "shared": path.shared[0]}
    return ChatRequest(prompt.fill(fields), schema=_SCHEMA, max_tokens=_MAX_TOKENS, template=prompt.template)


def _gather(
    store: GraphStore, name: str, paths: Sequence[FactPath], answers: dict[int, Completion | Exception]
) -> PathQuestions:
    questions, refused, usage = [], [], Usage()
    for place, path in enumerate(paths):
        answer = answers[place]
        if isinstance(answer, Exception):
            if isinstance(answer, OutputError):
                usage += Usage(answer.tokens_in, answer.tokens_out)
            refused.append(Refused(path, str(answer)))
            continue
        usage += answer.usage
        described, asked = _text(answer.parsed, "described"), _text(answer.parsed, "question")
        text = joined(asked, path.shared, described)
        reason = fault(text, path) if text else f"{path.shared[0]} is not described, or not asked about by its name"
        if reason:
            refused.append(Refused(path, reason))
        else:
            questions.append(HopQuestion(question=text, first=path.passages[:1], passages=path.passages))
    if not questions:
        raise InputError(f"No usable question came of {len(paths)} paths; the first: {refused[0].reason}")
    return PathQuestions(HopSet(name, passage_texts(store), tuple(questions)), tuple(refused), usage)


def joined(question: str, shared: Sequence[str], described: str) -> str:
    """An English question with a description in place of a name.

    Returns:
        The question; "" if the description is empty, or the name does not stand there once and by itself: in "Oxford
        University" it is part of another one.

    Example:
        >>> joined("Where was I. Tarn born?", ("Ivo Tarn", "I. Tarn"), "The designer of the Bridge")
        'Where was the designer of the Bridge born?'
        >>> joined("When was Oxford University founded?", ("Oxford",), "the town on the river")
        ''
    """
    names = "|".join(re.escape(name) for name in sorted(shared, key=lambda name: (-len(name), name)))
    found = list(re.finditer(rf"(?<![\w-])(?:[Tt]he )?(?:{names})(?![\w-])", question))
    phrase = _ARTICLE.sub(lambda article: article[0].lower(), described.rstrip(" .,;"))
    if len(found) != 1 or not phrase:
        return ""
    before, after = question[: found[0].start()], question[found[0].end() :]
    if re.search(rf"\w\W*\s{_CAPITAL} $", before) or re.match(rf" {_CAPITAL}", after):
        return ""
    text = f"{before}{phrase}{after}"
    return text[:1].upper() + text[1:]


def fault(question: str, path: FactPath) -> str:
    """Why a question cannot be used, or "".

    Example:
        >>> path = FactPath("Bridge", ("Ivo Tarn",), "Pellin", "", "", ("a", "b"))
        >>> fault("Where was Ivo Tarn, who designed the Bridge, born?", path)
        'it names what was to be found: Ivo Tarn'
        >>> fault("Where was the designer of the Bridge born?", path)
        ''
    """
    asked = f" {' '.join(terms(question))} "
    if question.find("?") != len(question) - 1 or _GAP in question or len(question.split()) < _WORDS:
        return "it is no question"
    for hidden in (*path.shared, path.answer):
        if (words := " ".join(terms(hidden))) and f" {words} " in asked:
            return f"it names what was to be found: {hidden}"
    start = set(telling_terms(path.start))
    if 2 * len(start & set(asked.split())) < len(start):
        return f"it does not name where it starts: {path.start}"
    return ""


def _text(parsed: Any, key: str) -> str:
    return " ".join(str(parsed.get(key, "")).split()) if isinstance(parsed, dict) else ""
