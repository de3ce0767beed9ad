"""The options that subcommands share: what they hand to a command, and that the defaults they show are true."""

import click
import pytest
from click.testing import CliRunner

from app.options import filter_options, progress_option, refuse_options, spending_options
from app.progress import LineProgress
from models.runtime.progress import SILENT
from tests.app.test_cli import all_commands


def values_of(decorator, *arguments):
    """What a command with these options is called with."""
    received = {}

    @click.command()
    @decorator
    def command(**values):
        received.update(values)

    done = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return received


def shown_default(path, option):
    (found,) = [one for one in all_commands()[path].params if option in one.opts]
    return found.show_default if isinstance(found.show_default, str) else found.default


def test_spending_options_hand_over_one_spending():
    spending = values_of(spending_options(), "--max-calls", "3", "--max-usd", "1.5", "--retry-failed", "-q")["spending"]
    assert (spending.max_calls, spending.max_usd, spending.retry_failed, spending.progress) == (3, 1.5, True, SILENT)


@pytest.mark.parametrize(("retry", "retried"), [("option", False), ("always", True), ("never", False)])
def test_without_options_nothing_is_limited_and_progress_is_drawn(retry, retried):
    spending = values_of(spending_options(retry=retry))["spending"]
    assert (spending.max_calls, spending.max_usd, spending.retry_failed) == (None, None, retried)
    assert isinstance(spending.progress, LineProgress)


@pytest.mark.parametrize("retry", ["always", "never"])
def test_where_retrying_is_settled_there_is_no_option_for_it(retry):
    with pytest.raises(AssertionError, match="No such option"):
        values_of(spending_options(retry=retry), "--retry-failed")


def test_quiet_draws_no_progress():
    assert values_of(progress_option, "--quiet") == {"progress": SILENT}


def test_filter_options_hand_over_one_filter():
    found = values_of(filter_options, "--after", "May 2031", "--type", "Person", "--type", "place")["corpus_filter"]
    assert (found.after, found.before, found.types) == ("2031-05", "", ("person", "place"))
    assert not values_of(filter_options)["corpus_filter"]


def test_an_option_before_a_subcommand_is_refused():
    @click.group(invoke_without_command=True)
    @click.option("--base")
    @click.pass_context
    def group(context, base):
        refuse_options(context)

    group.add_command(click.Command("child"))
    done = CliRunner().invoke(group, ["--base", "b", "child"])
    assert done.exit_code == 2
    assert "--base comes before child. Write it after `group child`." in done.output


def test_defaults_that_are_shown_are_those_of_the_settings():
    from eval.extraction.relation_match import THRESHOLD as COSINE
    from kg.config import IndexConfig
    from retrieval.answering.confidence import THRESHOLD
    from training.config import HopConfig, TrainConfig
    from training.extractor import DEFAULTS

    for name in ("extractor", "encoder"):
        assert shown_default(("index",), f"--{name}") == getattr(IndexConfig(), name)
    for path, config in ((("train",), TrainConfig()), (("train", "extractor"), DEFAULTS)):
        for name in ("epochs", "rank", "learning_rate", "seed"):
            assert float(shown_default(path, f"--{name.replace('_', '-')}")) == getattr(config, name)
    assert float(shown_default(("train",), "--paraphrases")) == TrainConfig().paraphrases
    assert float(shown_default(("train", "hops"), "--epochs")) == HopConfig().epochs
    first, continued = shown_default(("train", "hops"), "--learning-rate").split(", or ")
    assert float(first) == HopConfig().learning_rate
    assert float(continued.split()[0]) == pytest.approx(HopConfig().learning_rate / 5)
    assert float(shown_default(("ask",), "--threshold")) == pytest.approx(THRESHOLD, abs=0.005)
    assert float(shown_default(("eval", "extraction"), "--threshold")) == COSINE


def test_the_help_names_every_retriever_that_needs_no_settings():
    from retrieval.retrievers.registry import RETRIEVERS

    (option,) = [one for one in all_commands()[("search",)].params if one.name == "retriever"]
    names = option.help.removeprefix("Retrieval method: ").split(";")[0].replace(" or ", ", ").split(", ")
    assert {*names} == {*RETRIEVERS} - {"rerank"}
