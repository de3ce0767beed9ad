"""Questions for a hop encoder that are made from a graph's own paths, so that a corpus without questions can train one.

A path is two facts that share an entity and stand in different passages; its start and the shared entity have names. A
chat model describes the shared entity by the first fact, and words a question about it, by its name, for the far end of
the second; the description then replaces the name. So a small model need not hide what it is shown: each fact has a gap
where the description, or the question, leads. A question that gives away the shared name or the answer nevertheless, or
does not name its start, is refused and counted.

    result = path_questions(store, "kb", chat, 400, executor)
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kg.language.spacy_pipeline import VALUE
from kg.schema import Entity, Fact
from kg.stores.protocol import GraphStore
from models.calls.budget import wasted_usage
from models.calls.executor import Executor, call_all
from models.calls.prompt import Prompt, load_prompt
from models.calls.structured import schema_of_reply
from models.errors import InputError, ModelError, OutputError
from models.protocols import ChatModel, ChatRequest, Completion, Usage
from models.runtime.progress import SILENT, Progress
from retrieval.text.names import looks_like_name
from retrieval.text.terms import telling_terms, terms
from retrieval.text.texts import fact_text, passage_texts
from training.data.hop_sets import HopQuestion, HopSet

_MAX_TOKENS = 128
_WORDS = 4
"""Minimum number of words of a question of two steps."""
_PASSAGES = 10
"""Maximum number of passages of a shared entity: what a more frequent one joins is hardly related."""
_PER_ENTITY = 2
"""Maximum number of paths through one entity: with more, a few hubs would fill the training set."""
_GAP = "___"
"""Stands where a fact's hidden end stood."""
_ARTICLE = re.compile(r"^(?:The|An?) ")
_CAPITAL = r"[^\W\d_a-z]\w*"


class HopQuestionReply(BaseModel):
    """What the model writes for a path; the bounds stop a model that repeats itself.

    Attributes:
        described: The shared entity, described by the first fact.
        question: A question for the answer of the second fact, which calls the shared entity by its name.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    described: str = Field(max_length=160)
    question: str = Field(max_length=240)


_SCHEMA = schema_of_reply(HopQuestionReply)


@dataclass(frozen=True, slots=True)
class FactPair:
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
class RefusedPath:
    """A path without a usable question, and why."""

    path: FactPair
    reason: str


@dataclass(frozen=True, slots=True)
class HopQuestionResult:
    """What came of the paths: their number is len(own.questions) + len(refused).

    Attributes:
        own: All passages of the workspace, and the usable questions in the order of the paths.
        refused: The paths without one.
        usage: Tokens read and written, those of unusable replies included.
    """

    own: HopSet
    refused: tuple[RefusedPath, ...]
    usage: Usage


def path_questions(
    store: GraphStore, name: str, chat: ChatModel, limit: int, executor: Executor, progress: Progress = SILENT
) -> HopQuestionResult:
    """Have questions written for some of a graph's paths.

    Args:
        store: Facts that have evidence, entities and chunks.
        name: Name of the set that is made.
        chat: Writes the questions; wrapped in its records, calls already made cost nothing.
        limit: Maximum number of paths.
        executor: Spreads the calls.
        progress: Progress callback, of finished calls.
    Raises:
        InputError: The graph has no such path, or no question was usable.
        ModelError: The model cannot be reached, or refuses every call.
        BudgetError: The budget is used up; a second run continues.
    """
    paths = fact_paths(store, limit)
    if not paths:
        raise InputError(
            "The graph has no two facts in different passages that share a named entity and lead from another one, so "
            "there is no path to write a question for. Index more documents, or give --set a folder with questions."
        )
    prompt = load_prompt("hop_question")
    outcomes: dict[int, Completion | Exception] = {}
    with progress.step("write questions", total=len(paths), unit="paths") as bar:
        jobs = list(enumerate(paths))
        for (number, _), outcome in call_all(executor, lambda job: chat.complete(_request(prompt, job[1])), jobs):
            if isinstance(outcome, Exception) and not isinstance(outcome, ModelError):
                raise outcome
            outcomes[number] = outcome
            bar.advance()
        result = _gather(store, name, paths, outcomes)
        bar.note(f"{len(result.refused)} unusable")
    return result


def fact_paths(store: GraphStore, limit: int, seed: int = 0) -> list[FactPair]:
    """Paths of a graph, drawn by chance: at most two through one entity, at most `limit`.

    They lead through an entity with a name, and from one such entity to another or to a value: "the ministry" is
    another one in each passage. Where nothing has a capital, anything may be a name.
    """
    entities = list(store.read(Entity))
    names = {entity.id: (entity.name, *entity.aliases) for entity in entities}
    values = {entity.id for entity in entities if entity.type == VALUE}
    named = ({entity.id for entity in entities if _is_name(entity.name)} or names.keys()) - values
    answers = named | values
    facts_of: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in store.read(Fact):
        if fact.evidence and fact.subject_id != fact.object_id and {fact.subject_id, fact.object_id} <= names.keys():
            facts_of[fact.subject_id].append(fact)
            facts_of[fact.object_id].append(fact)
    draw = np.random.default_rng(seed)
    paths: list[FactPair] = []
    # Everything is sorted before it is drawn from, so that the paths do not depend on the order of the store.
    for shared in sorted(named & facts_of.keys()):
        facts = sorted(facts_of[shared], key=lambda fact: fact.id)
        if len({fact.evidence[0].chunk_id for fact in facts}) in range(2, _PASSAGES + 1):
            drawn = [facts[position] for position in draw.permutation(len(facts)).tolist()]
            from_named = [fact for fact in drawn if _far_end(fact, shared) in named]
            to_answer = [fact for fact in drawn if _far_end(fact, shared) in answers]
            paths += _paths_through(shared, from_named, to_answer, names)
    return [paths[position] for position in sorted(draw.permutation(len(paths))[:limit].tolist())]


def _paths_through(
    shared: str, firsts: Sequence[Fact], seconds: Sequence[Fact], names: dict[str, tuple[str, ...]]
) -> list[FactPair]:
    """The paths through one entity: each first fact with the first fitting second one."""
    paths: list[FactPair] = []
    for one in firsts:
        for other in seconds:
            start, answer = _far_end(one, shared), _far_end(other, shared)
            passages = one.evidence[0].chunk_id, other.evidence[0].chunk_id
            if passages[0] == passages[1] or len({start, answer, shared}) < 3:
                continue
            first, second = _with_gap(one, shared, names), _with_gap(other, answer, names)
            paths.append(FactPair(names[start][0], names[shared], names[answer][0], first, second, passages))
            break
        if len(paths) == _PER_ENTITY:
            break
    return paths


def _with_gap(fact: Fact, hidden: str, names: Mapping[str, Sequence[str]]) -> str:
    """A fact in words, with a gap in place of one of its ends."""
    ends = (_GAP if end == hidden else names[end][0] for end in (fact.subject_id, fact.object_id))
    return fact_text(next(ends), fact.predicate, next(ends))


def _is_name(text: str) -> bool:
    return any(map(looks_like_name, _ARTICLE.sub("", text).split()))


def _far_end(fact: Fact, shared: str) -> str:
    return fact.object_id if fact.subject_id == shared else fact.subject_id


def _request(prompt: Prompt, path: FactPair) -> ChatRequest:
    fields = {"first": path.first, "second": path.second, "shared": path.shared[0]}
    return ChatRequest(prompt.fill(fields), schema=_SCHEMA, max_tokens=_MAX_TOKENS, template=prompt.template)


def _gather(
    store: GraphStore, name: str, paths: Sequence[FactPair], outcomes: dict[int, Completion | Exception]
) -> HopQuestionResult:
    questions, refused, usage = [], [], Usage()
    for number, path in enumerate(paths):
        outcome = outcomes[number]
        if isinstance(outcome, Exception):
            if isinstance(outcome, OutputError):
                usage += wasted_usage(outcome)
            refused.append(RefusedPath(path, str(outcome)))
            continue
        usage += outcome.usage
        text = _question(outcome.parsed, path)
        reason = fault(text, path) if text else f"{path.shared[0]} is not described, or not asked about by its name"
        if reason:
            refused.append(RefusedPath(path, reason))
        else:
            questions.append(HopQuestion(question=text, first=path.passages[:1], passages=path.passages))
    if not questions:
        raise InputError(f"None of {len(paths)} paths gave a usable question; the first one: {refused[0].reason}.")
    return HopQuestionResult(HopSet(name, passage_texts(store), tuple(questions)), tuple(refused), usage)


def _question(parsed: Any, path: FactPair) -> str:
    """The question of a reply, or ""."""
    try:
        reply = HopQuestionReply.model_validate(parsed)
    except ValidationError:
        return ""
    described, question = (" ".join(text.split()) for text in (reply.described, reply.question))
    return joined(question, path.shared, described)


def joined(question: str, shared: Sequence[str], described: str) -> str:
    """An English question with a description in place of a name.

    Args:
        question: It calls the shared entity by one of its names.
        shared: Those names.
        described: The description.
    Returns:
        The question; "" if the description is empty, or the name does not stand in it once and by itself: in "Oxford
        University" it is part of another one.

    Example:
        >>> joined("Where was I. Tarn born?", ("Ivo Tarn", "I. Tarn"), "The designer of the Bridge")
        'Where was the designer of the Bridge born?'
        >>> joined("When was Oxford University founded?", ("Oxford",), "the town on the river")
        ''
    """
    # The longest name first: an alternation takes the first that fits.
    names = "|".join(re.escape(name) for name in sorted(shared, key=lambda name: (-len(name), name)))
    matches = list(re.finditer(rf"(?<![\w-])(?:[Tt]he )?(?:{names})(?![\w-])", question))
    phrase = _ARTICLE.sub(lambda article: article[0].lower(), described.rstrip(" .,;"))
    if len(matches) != 1 or not phrase:
        return ""
    before, after = question[: matches[0].start()], question[matches[0].end() :]
    # A capital beside it: the name is part of a longer one.
    if re.search(rf"\w\W*\s{_CAPITAL} $", before) or re.match(rf" {_CAPITAL}", after):
        return ""
    text = f"{before}{phrase}{after}"
    return text[:1].upper() + text[1:]


def fault(question: str, path: FactPair) -> str:
    """Why a question cannot be used, or "".

    Example:
        >>> path = FactPair("Bridge", ("Ivo Tarn",), "Pellin", "", "", ("a", "b"))
        >>> fault("Where was Ivo Tarn, who designed the Bridge, born?", path)
        'it names what was to be found: Ivo Tarn'
        >>> fault("Where was the designer of the Bridge born?", path)
        ''
    """
    # Spaces at both ends, so that only whole words are found in it.
    words = f" {' '.join(terms(question))} "
    if question.find("?") != len(question) - 1 or _GAP in question or len(question.split()) < _WORDS:
        return "it is no question"
    for hidden in (*path.shared, path.answer):
        if (name := " ".join(terms(hidden))) and f" {name} " in words:
            return f"it names what was to be found: {hidden}"
    start = set(telling_terms(path.start))
    # Half of the telling words of the start's name do: "Bridge of Orrin Quay" may be called "the Orrin bridge".
    if 2 * len(start & set(words.split())) < len(start):
        return f"it does not name where it starts: {path.start}"
    return ""
