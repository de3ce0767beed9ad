import pytest

from eval.arms.answering import (
    NEUTRAL,
    MarkingRules,
    PromptEvidence,
    Prompts,
    choice_prefix,
    choose_option,
    failed_sample,
    option_texts,
    write_answer,
)
from eval.types import Item
from models.errors import ConfigError, OutputError
from models.protocols import Completion, OptionScore, OptionScores, Usage

CHOICE = Item("q", "Who opened it?", ("Tomas {date}", "Ada Lorne"), 1, ("Ada Lorne",), date="2031-05")
SHORT = Item("s", "Who opened it?", (), -1, ("Ada Lorne", "Lorne"))
PROMPTS = Prompts.load()


class Scorer:
    """Gives the log-probabilities that it was told, and keeps what it was asked."""

    def __init__(self, *scores):
        self.scores = scores

    def score(self, prefix, options):
        self.asked = (prefix, tuple(options))
        return OptionScores(tuple(OptionScore(*score) for score in self.scores), Usage(9, 0), 0.5)


class Chat:
    name = "chat"

    def __init__(self, text):
        self.text = text

    def complete(self, request):
        self.request = request
        return Completion(self.text, Usage(20, 3), "stop", 0.5)


def test_arms_differ_by_nothing_but_the_context_block():
    bare = choice_prefix(CHOICE, "", PROMPTS, "option")
    shown = choice_prefix(CHOICE, "[1] Ada Lorne opened it.", PROMPTS, "option")
    assert shown.endswith(bare)
    assert shown.count("[1] Ada Lorne opened it.") == 1
    assert "Ada" not in bare
    assert bare == "Date: 2031-05\nQuestion: Who opened it?\nAnswer:"


def test_letters_are_scored_if_the_options_are_listed():
    prefix = choice_prefix(CHOICE, "", PROMPTS, "letter")
    assert "A. Tomas {date}\nB. Ada Lorne\nAnswer:" in prefix
    assert option_texts(CHOICE, "letter") == (" A", " B")
    assert option_texts(CHOICE, "option") == (" Tomas {date}", " Ada Lorne")


def test_the_best_option_after_normalising_is_chosen():
    scorer = Scorer((-2.0, 1, 12), (-3.0, 2, 9))
    by_token = choose_option(CHOICE, PromptEvidence(), scorer, MarkingRules(normalisation="token"), PROMPTS)
    assert (by_token.prediction, by_token.correct, by_token.scores) == ("1", 1.0, (-2.0, -1.5))
    by_sum = choose_option(CHOICE, PromptEvidence(), scorer, MarkingRules(normalisation="sum"), PROMPTS)
    assert (by_sum.prediction, by_sum.correct) == ("0", 0.0)
    assert scorer.asked[1] == option_texts(CHOICE, "option")


@pytest.mark.parametrize(("keyed", "right"), [(0, 1.0), (1, 0.0), (2, 1.0)])
def test_an_option_with_the_text_of_the_right_one_is_right(keyed, right):
    item = Item("q", "Which?", ("red", "blue", "red"), keyed, ("red",))
    scorer = Scorer((-1.0, 1, 1), (-3.0, 1, 1), (-1.0, 1, 1))
    assert choose_option(item, PromptEvidence(), scorer, MarkingRules(), PROMPTS).correct == right


def test_pmi_subtracts_the_score_without_the_question():
    class Fluent(Scorer):
        """Likes the second option whatever is asked, and learns of the first from the question."""

        def score(self, prefix, options):
            self.scores = ((-9.0, 1, 12), (-3.0, 2, 9)) if prefix == NEUTRAL else ((-5.0, 1, 12), (-3.0, 2, 9))
            return super().score(prefix, options)

    by_sum = choose_option(CHOICE, PromptEvidence(), Fluent(), MarkingRules(normalisation="sum"), PROMPTS)
    by_pmi = choose_option(CHOICE, PromptEvidence(), Fluent(), MarkingRules(normalisation="pmi"), PROMPTS)
    assert (by_sum.prediction, by_pmi.prediction, by_pmi.scores) == ("1", "0", (4.0, 0.0))
    assert by_pmi.usage.tokens_in == 2 * by_sum.usage.tokens_in  # both prefixes are paid for, and counted


def test_scores_that_cannot_be_right_are_an_error():
    with pytest.raises(OutputError, match="Expected 2 option scores, got 1"):
        choose_option(CHOICE, PromptEvidence(), Scorer((-1.0, 1, 1)), MarkingRules(), PROMPTS)
    with pytest.raises(OutputError, match="numbers"):
        choose_option(CHOICE, PromptEvidence(), Scorer((float("nan"), 1, 1), (-1.0, 1, 1)), MarkingRules(), PROMPTS)


def test_only_the_first_line_of_a_short_answer_counts():
    chat = Chat("\nIt was Ada Lorne.\nOr Tomas?")
    answer = write_answer(SHORT, PromptEvidence("[1] A passage."), chat, MarkingRules(max_tokens=7, seed=3), PROMPTS)
    assert (answer.prediction, answer.correct) == ("It was Ada Lorne.", 1.0)
    assert answer.metrics == {"exact_match": 0.0, "f1": pytest.approx(2 * 2 / (4 + 2)), "contains": 1.0}
    assert (chat.request.max_tokens, chat.request.seed, chat.request.temperature) == (7, 3, 0.0)
    assert "[1] A passage." in chat.request.messages[-1].content
    strict = write_answer(SHORT, PromptEvidence(), chat, MarkingRules(headline="exact_match"), PROMPTS)
    assert strict.correct == 0.0


def test_an_empty_answer_is_an_error():
    with pytest.raises(OutputError, match="empty"):
        write_answer(SHORT, PromptEvidence(), Chat(" \n"), MarkingRules(), PROMPTS)


def test_a_failed_item_is_wrong_in_every_metric():
    failed = failed_sample("rag", SHORT, "why")
    assert (failed.correct, failed.error, failed.gold) == (0.0, "why", "Ada Lorne")
    assert set(failed.metrics.values()) == {0.0}


class Believer:
    """Believes what a prompt's one passage says, as far as that names an option."""

    name = "believer"

    def score(self, prefix, options):
        self.asked = [*getattr(self, "asked", []), prefix]
        found = [-0.1 if option.strip() in prefix else -2.0 for option in options]
        return OptionScores(tuple(OptionScore(2 * each, 2, 9, (each, each)) for each in found), Usage(5, 0), 0.1)


def test_answers_from_one_passage_each_are_weighted():
    text = "[1] Ada Lorne opened it.\n[2] Tomas {date} was late."
    for weights, right in (((0.0, -9.0), 1.0), ((-9.0, 0.0), 0.0)):
        for way in ("sequence", "token"):
            scorer = Believer()
            answer = choose_option(CHOICE, PromptEvidence(text, weights, way), scorer, MarkingRules(), PROMPTS)
            assert answer.correct == right
            assert [prefix.count("[1] ") for prefix in scorer.asked] == [1, 1]
            assert answer.usage.tokens_in == 10
    together = Believer()
    choose_option(CHOICE, PromptEvidence(text, (0.0, 0.0)), together, MarkingRules(), PROMPTS)
    assert len(together.asked) == 1


def test_a_model_that_cannot_marginalise_is_an_error():
    with pytest.raises(ConfigError, match="chat cannot marginalise over passages"):
        write_answer(SHORT, PromptEvidence("[1] A passage.", (0.0,), "token"), Chat("Ada"), MarkingRules(), PROMPTS)
    untold = Scorer((-1.0, 1, 1), (-2.0, 1, 1))
    untold.name = "untold"
    with pytest.raises(OutputError, match="transformers"):
        choose_option(CHOICE, PromptEvidence("[1] A passage.", (0.0,), "token"), untold, MarkingRules(), PROMPTS)
