"""Example questions for MetaQA's graph: paths of relations that exist, worded by phrases that nest.

`PHRASES` was written by hand, by someone who had seen some hundred of the set's questions. Knows nothing of retrievers;
`benchmarks.metaqa` has them learn from what is written here.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from retrieval.index.graph_index import GraphIndex
from retrieval.traversal.steps import BACKWARDS, RelationGraph, RelationPath, RelationWalks, extend_walks, walks_from

_DEGREE, _WALKS, _HOPS = 500, 300, 3
"""Maximum number of edges that a walk follows from an entity, of walks along one path, and of steps."""
_FILMS = ("films", "movies")
_FRAMES = ("what is {}", "who is {}", "what are {}", "who are {}", "which are {}", "name {}", "{}", "{} is who")
_QUESTION_SHARE = 0.7
"""Share of the examples that end in a question of their own; the others are a phrase in a frame."""
_APPOSITION_SHARE = 0.4
"""Share of the examples from a film that say that it is one."""

PHRASES: dict[str, tuple[str, str]] = {
    "directed by": (
        "the director of X; the directors of X; the person who directed X; who directed X; X's director; the "
        "filmmaker behind X; X director; X directors",
        "who directed X; who is the director of X; by whom was X directed; X was directed by whom; which person "
        "directed X; who directed the film X; the director of X is who; which director made X; who are the "
        "directors of X",
    ),
    "^directed by": (
        "the films directed by X; films that X directed; X's films as director; X directed films; the films of "
        "the director X; the film directed by X",
        "what films did X direct; which films were directed by X; what did X direct; X directed which films; "
        "which films have X as director; what is X the director of; X is the director of which films",
    ),
    "written by": (
        "the writer of X; the writers of X; the screenwriter of X; the person who wrote X; who wrote X; X's "
        "screenwriter; the scriptwriters of X; the author of X; X writers",
        "who wrote X; who is the writer of X; who wrote the script of X; who is the screenwriter of X; X was "
        "written by whom; which person wrote the film X; who is the author of X; the writer of X is who; who "
        "wrote the screenplay for X",
    ),
    "^written by": (
        "the films written by X; films that X wrote; X's films as writer; X written films; the films with a "
        "script by X; films of the screenwriter X",
        "what films did X write; which films were written by X; what did X write; X wrote which films; which "
        "films have a screenplay by X; X is the writer of which films; what films was X the screenwriter of",
    ),
    "starred actors": (
        "the actors in X; the actors of X; the stars of X; the cast of X; who starred in X; the people who acted "
        "in X; X actors; the actor in X",
        "who acted in X; who starred in X; who are the actors in X; which actors appear in X; who stars in X; who "
        "is in the cast of X; the film X starred who; who are the stars of X; which people played in X",
    ),
    "^starred actors": (
        "the films starring X; films that X acted in; X's films as actor; X starred films; the films with X; the "
        "films X appears in; the films acted by X; films that star X",
        "what films did X act in; which films star X; what films did X star in; X appears in which films; what "
        "does X act in; which films have X in the cast; X starred in which films; X is an actor in which films",
    ),
    "release year": (
        "the release year of X; the release date of X; the year in which X came out; when X was released; the "
        "years when X were released",
        "when was X released; in which year was X released; what is the release year of X; when did X come out; "
        "what year did X come out; what is the release date of X; when were X released; when did X release; X "
        "were released in which years",
    ),
    "^release year": (
        "the films released in X; films from X; the films that came out in X; X films",
        "which films were released in X; what films came out in X; what was released in X; which films are from "
        "the year X",
    ),
    "in language": (
        "the language of X; the languages of X; the language spoken in X; the language that X is in; the primary "
        "language of X",
        "what language is X in; which language is spoken in X; what is the language of X; X is in what language; "
        "in which languages are X; what are the languages spoken in X; what is the primary language of X",
    ),
    "^in language": (
        "the films in X; X films; films in the X language; films in which X is spoken",
        "which films are in X; what films are in the X language; in which films is X spoken; which films have X "
        "as their language",
    ),
    "has tags": (
        "the tags of X; the words that describe X; the keywords of X; the topics of X; terms for X",
        "what words describe X; describe X in a few words; what are the tags of X; which keywords does X have; "
        "what is X about; which topics is X about; what terms are applied to X",
    ),
    "^has tags": (
        "the films about X; films described by X; the films tagged X; films with the tag X",
        "which films are about X; what films can be described by X; which films have the tag X; what films are "
        "described with X; which films have X as a keyword; X describes which films",
    ),
    "has genre": (
        "the genre of X; the genres of X; the kind of film that X is; the types of X; the genre that X fall under",
        "what genre is X; what kind of film is X; what type of film is X; which genres are X in; what sort of "
        "film is X; what are the genres of X; what types are X; what genres do X fall under; X were in which "
        "genres",
    ),
    "^has genre": (
        "the X films; films of the genre X; films in the genre X",
        "which films are of the genre X; what X films are there; which films have the genre X",
    ),
    "has imdb votes": (
        "the votes of X; the popularity of X; the imdb votes of X; how popular X is",
        "how popular is X; how many votes does X have; how many imdb votes did X get; how famous is X",
    ),
    "^has imdb votes": (
        "the X films by votes; the films with X votes; films with votes that are X",
        "which films have X votes; what films are X by votes",
    ),
    "has imdb rating": (
        "the rating of X; the imdb rating of X; how good X is; what people think of X",
        "how good is X; what is the rating of X; what do people think of X; what is the imdb rating of X",
    ),
    "^has imdb rating": (
        "the X films by rating; the films rated X; films with a rating that is X",
        "which films are rated X; what films have the rating X",
    ),
    "directed by/^directed by": (
        "films that share directors with X; the films with the same director as X; films whose directors also "
        "directed X; the other films of the director of X; films by the director who directed X",
        "which films share a director with X; the director of X also directed which films; which films have the "
        "same director as X; what else did the director of X direct",
    ),
    "written by/^written by": (
        "films that share writers with X; films that share screenwriters with X; the films with the same writer "
        "as X; the films with the same screenwriter as X; films whose writers also wrote X; films whose "
        "screenwriters also wrote X; the other films of the writer of X; films by the writer who wrote X",
        "which films share a writer with X; which films share a screenwriter with X; the writer of X also wrote "
        "which films; the scriptwriter of X also wrote which films; which films have the same screenwriter as X; "
        "what else did the writer of X write",
    ),
    "starred actors/^starred actors": (
        "films that share actors with X; the films with the same actors as X; films whose actors also appear in "
        "X; the other films of the actors in X; films with the actor who starred in X",
        "which films share an actor with X; the actor in X also appears in which films; which films have the same "
        "actor as X; what else did the stars of X act in",
    ),
    "^starred actors/starred actors": (
        "the co-stars of X; the actors who starred with X; the people who acted together with X",
        "who starred together with X; who acted with X; who are the co-stars of X; X appeared with whom; who are "
        "the actors in the same films as X",
    ),
    "^directed by/directed by": (
        "the co-directors of X; the people who directed together with X",
        "who co-directed films with X; who directed together with X; who are the co-directors of X",
    ),
    "^written by/written by": (
        "the co-writers of X; the people who wrote together with X",
        "who co-wrote films with X; who wrote together with X; who are the co-writers of X",
    ),
}
"""Phrases for the ends of a path of relations and questions for them, by path; X is where it starts."""


class Composer:
    """Words paths of relations, by phrases that nest."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._parts = {
            tuple(key.split("/")): (names.split("; "), questions.split("; "))
            for key, (names, questions) in PHRASES.items()
        }

    def __call__(self, path: Sequence[str]) -> str:
        """A question, with "[X]" where its path starts."""
        *inner, last = self._chance.choice(list(self._divisions(tuple(path))))
        is_film = not path[0].startswith(BACKWARDS) and self._chance.random() < _APPOSITION_SHARE
        # "@" until the end, so that no phrase is put in the place of the start.
        text = self._put("the film X" if is_film else "X", "[@]")
        for part in inner:
            text = self._put(self._chance.choice(self._parts[part][0]), text)
        names, questions = self._parts[last]
        if self._chance.random() < _QUESTION_SHARE:
            return self._put(self._chance.choice(questions), text).replace("@", "X")
        return self._chance.choice(_FRAMES).format(self._put(self._chance.choice(names), text)).replace("@", "X")

    def _put(self, phrase: str, inner: str) -> str:
        """A phrase with `inner` for its X, and films or movies throughout."""
        films = self._chance.choice(_FILMS)
        phrase = re.sub(r"\bfilm(s?)\b", lambda match: films if match[1] else films[:-1], phrase)
        return re.sub(r"\bX\b", lambda _: inner, phrase)

    def _divisions(self, path: tuple[str, ...]) -> Iterator[list[tuple[str, ...]]]:
        """All ways to cut a path into parts that have phrases."""
        if not path:
            yield []
        for length in (1, 2):
            if path[:length] in self._parts and len(path) >= length:
                yield from ([path[:length], *rest] for rest in self._divisions(path[length:]))


def write_examples(path: Path, index: GraphIndex, count: int) -> None:
    """Write questions of paths that exist around entities drawn from the graph, a third for each number of steps."""
    relations, chance = RelationGraph(index), random.Random(0)
    compose = Composer(chance)
    lines: list[str] = []
    while len(lines) < count:
        level: dict[RelationPath, RelationWalks] = {(): walks_from([chance.randrange(len(index.entity_ids))])}
        for _ in range(_HOPS):
            longer: dict[RelationPath, RelationWalks] = {}
            for steps, walks in level.items():
                longer |= extend_walks(relations, steps, walks, _DEGREE, _WALKS)
            level = longer
            if level:
                names = relations.named(chance.choice(sorted(level)))
                lines.append(json.dumps({"question": compose(names), "path": names}))
    path.write_text("\n".join(lines[:count]) + "\n", encoding="utf-8")
