"""Rewritings of training texts by a chat model, each in another style.

A model that reads a fact in one wording often can repeat that wording and nothing more; many wordings make
the fact usable, questions with their answers most of all, so they come first. The styles are sections of
`configs/prompts/paraphrase.md`. Decoding is greedy: the style makes the difference, so the same request gives
the same text, and a recorded call is never paid for again. The passage stands before the style, so a server
reads it once for all styles.

A rewriting counts as failed, with its reason, when it is empty, a copy, or has lost every name and number of its
text. What it may have invented is not checked here.

Source: Ovadia et al., Fine-Tuning or Retrieval? Comparing Knowledge Injection in LLMs, EMNLP 2024, section 5;
    Allen-Zhu and Li, Physics of Language Models: Part 3.1, ICML 2024; Jiang et al., Instruction-tuned Language
    Models are Better Knowledge Learners, ACL 2024 (why questions come first); Berglund et al., The Reversal Curse, ICLR
    2024 (why one style turns sentences to the passive).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from models.calls.executor import Executor, ask_all
from models.calls.prompt import Prompt, parse_prompt
from models.errors import ConfigError, ModelError, OutputError
from models.protocols import ChatModel, ChatRequest, Completion, Usage
from models.runtime.progress import SILENT, Progress
from training.data.texts import TrainingText

_SENTENCE_END = re.compile(r"[.!?。！？…][\"'”’»)\]]*(?=\s|$)|[。！？]")
_PIECE = re.compile(r"[^\n]+?(?:[.!?。！？](?=\s|$)[ \t]*\n*|\n+|$)|\n+")
"""A sentence or a line, with the white space behind it."""
_STYLE = re.compile(r"^## ([a-z-]+)\n", re.MULTILINE)
_BYTES_PER_TOKEN = 4  # about so many in any script
_WORD = re.compile(r"\w+(?:[’'-]\w+)*")


@dataclass(frozen=True, slots=True)
class Styles:
    """The prompt and the styles it can be asked in.

    Attributes:
        prompt: With the fields `text` and `style`.
        styles: Name and instruction of each, in the order in which they are used.
    """

    prompt: Prompt
    styles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """A rewriting that cannot be used."""

    text_id: str
    style: str
    reason: str


@dataclass(frozen=True, slots=True)
class Paraphrased:
    """Rewritings, and what became of those that are missing: asked = len(texts) + len(failed).

    Attributes:
        texts: Training texts of kind "paraphrase", by text and then by style.
        failed: What cannot be used, with reasons.
        shortened: How many of the texts were cut off and kept up to their last full sentence.
        names_kept: Share of the names and numbers of a text that its rewritings keep, mean over `texts`, in [0, 1].
        usage: Tokens read and written, recorded calls and useless answers included.
        seconds: Time of the calls when they were first made, summed.
    """

    texts: tuple[TrainingText, ...]
    failed: tuple[Failure, ...]
    shortened: int
    names_kept: float
    usage: Usage
    seconds: float

    @property
    def asked(self) -> int:
        """Rewritings asked for."""
        return len(self.texts) + len(self.failed)


@dataclass(frozen=True, slots=True)
class _Job:
    place: int
    style: int
    text: TrainingText


def load_styles() -> Styles:
    """Read `configs/prompts/paraphrase.md`.

    Raises:
        ConfigError: It has no front matter, no section or no styles.
    """
    return parse_styles((files("configs") / "prompts" / "paraphrase.md").read_text(encoding="utf-8"))


def parse_styles(text: str) -> Styles:
    """Read the text of a prompt file that ends with a section of styles.

    Raises:
        ConfigError: It has no front matter, no section or no styles.
    """
    body, _, tail = text.partition("\n# styles\n")
    _, *parts = _STYLE.split(tail)
    if not parts:
        raise ConfigError("The paraphrase prompt has no styles: expected '# styles', and below it '## NAME' for each.")
    styles = tuple(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
    return Styles(parse_prompt("paraphrase", body), styles)


def paraphrase(
    texts: Sequence[TrainingText],
    chat: ChatModel,
    count: int,
    executor: Executor,
    progress: Progress = SILENT,
    styles: Styles | None = None,
    share: float = 2.0,
) -> Paraphrased:
    """Have each text rewritten `count` times, each time in another style.

    Args:
        texts: What to rewrite.
        chat: The model; wrapped in its records, calls already made cost nothing.
        count: Rewritings a text, at most as many as there are styles.
        executor: Spreads the calls.
        progress: Told of finished calls.
        styles: Prompt and styles; None reads the file.
        share: Most tokens of a rewriting, as a share of its text's.
    Returns:
        Rewritings in a fixed order, whatever the order of the answers, and the failures.
    Raises:
        ConfigError: More rewritings are asked for than there are styles.
        ModelError: The model cannot be reached, or refuses every call.
        BudgetReached: The budget is used up; a second run goes on.
    """
    styles = styles or load_styles()
    if not 0 <= count <= len(styles.styles):
        raise ConfigError(
            f"paraphrases is {count}: expected 0 to {len(styles.styles)}, the number of styles there are."
        )
    jobs = [_Job(place, style, text) for place, text in enumerate(texts) for style in range(count)]
    answers: dict[tuple[int, int], Completion | Exception] = {}
    with progress.step("paraphrase passages", total=len(jobs), unit="texts") as bar:
        for job, answer in ask_all(executor, lambda job: chat.complete(_request(job, styles, share)), jobs):
            if isinstance(answer, Exception) and not isinstance(answer, ModelError):
                raise answer
            answers[job.place, job.style] = answer
            bar.advance()
    return _gather(jobs, answers, styles)


def names(text: str) -> frozenset[str]:
    """Words of a text that look like names or numbers: with a digit, or with a capital within a sentence.

    Example:
        >>> sorted(names("In 2026 the mayor, Ada Lorne, left. Then it rained."))
        ['2026', 'Ada', 'Lorne']
    """
    found = set()
    for sentence in _PIECE.findall(text):
        for place, word in enumerate(_WORD.findall(sentence)):
            if any(c.isdigit() for c in word) or (place and word[0].isupper() and len(word) > 1):
                found.add(re.sub(r"[’']s$", "", word))
    return frozenset(found)


def clean(answer: str, cut_off: bool) -> str:
    """An answer without white space at its ends; one that was cut off ends where it is still whole.

    A model that falls into a loop writes on until it is cut off, so such an answer ends before the first sentence
    or line of four words or more that comes again, or else with its last full sentence.

    Example:
        >>> clean("It rains in Torsby. It rains in Torsby. It rai", cut_off=True)
        'It rains in Torsby.'
    """
    text = answer.strip()
    if not cut_off:
        return text
    seen = set()
    for match in _PIECE.finditer(text):
        piece = match[0].strip()
        if piece in seen and len(piece.split()) >= 4:
            return text[: match.start()].rstrip()
        seen.add(piece)
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else ""


def _request(job: _Job, styles: Styles, share: float) -> ChatRequest:
    name, instruction = styles.styles[job.style]
    return ChatRequest(
        messages=styles.prompt.fill({"text": job.text.text, "style": instruction}),
        max_tokens=64 + round(share * len(job.text.text.encode()) / _BYTES_PER_TOKEN),
        template=f"{styles.prompt.template}#{name}",
    )


def _gather(
    jobs: Sequence[_Job], answers: dict[tuple[int, int], Completion | Exception], styles: Styles
) -> Paraphrased:
    texts: list[TrainingText] = []
    failed: list[Failure] = []
    seen: dict[int, set[str]] = {}
    shortened, kept_shares, usage, seconds = 0, 0.0, Usage(), 0.0
    for job in jobs:
        answer = answers[job.place, job.style]
        if isinstance(answer, Exception):
            if isinstance(answer, OutputError):
                usage += Usage(answer.tokens_in, answer.tokens_out)
            failed.append(Failure(job.text.id, styles.styles[job.style][0], str(answer)))
            continue
        usage += answer.usage
        seconds += answer.seconds
        text = clean(answer.text, answer.finish_reason == "length")
        others = seen.setdefault(job.place, {" ".join(job.text.text.split())})
        kept = _kept(job.text.text, text)
        if reason := _fault(text, kept, others):
            failed.append(Failure(job.text.id, styles.styles[job.style][0], reason))
            continue
        others.add(" ".join(text.split()))
        texts.append(TrainingText.of(text, job.text.source, "paraphrase"))
        shortened += answer.finish_reason == "length"
        kept_shares += kept
    names_kept = kept_shares / len(texts) if texts else 0.0
    return Paraphrased(tuple(texts), tuple(failed), shortened, names_kept, usage, seconds)


def _kept(source: str, text: str) -> float:
    wanted = names(source)
    return len(wanted & set(_WORD.findall(re.sub(r"[’']s\b", "", text)))) / len(wanted) if wanted else 1.0


def _fault(text: str, kept: float, others: set[str]) -> str:
    """Why a rewriting cannot be used, or ""."""
    if not text:
        return "the answer is empty, or was cut off before its first sentence ended"
    if " ".join(text.split()) in others:
        return "the answer is a copy of the text or of another rewriting"
    return "" if kept > 0 else "the answer keeps none of the text's names and numbers"
