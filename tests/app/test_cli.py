import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

from app.cli import COMMANDS, SECTIONS, graft
from tests.app.command import graft as run

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "graspologic", "graspologic_native", "spacy", "numpy", "scipy", "openai", "rich"}


def all_commands(group: click.Command = graft, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], click.Command]:
    found = {path: group}
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            found |= all_commands(group.get_command(context, name), (*path, name))
    return found


def test_help_takes_less_than_half_a_second():
    """Processor time is counted, since on a busy machine the help may wait; alone, it takes a fifth of a second."""
    times = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "app.cli", "--help"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(times) < 0.5


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["index", "--help"], ["eval", "run", "--help"]])
def test_help_loads_no_heavy_library(arguments):
    program = (
        "import sys\nfrom app.cli import main\n"
        f"sys.argv = ['graft', *{arguments!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("path", all_commands(), ids=lambda path: " ".join(path) or "graft")
def test_every_command_has_help_with_an_example(path):
    shown = run(*path, "--help")
    assert (shown.code, shown.err) == (0, "")
    first, *rest = shown.out.splitlines()
    command = " ".join(("graft", *path))
    assert first.startswith(f"Usage: {command}")
    assert any(line.strip().startswith(command) for line in rest), shown.out


@pytest.mark.parametrize("path", [path for path in all_commands() if path], ids=" ".join)
def test_every_option_says_what_it_does(path):
    options = [option for option in all_commands()[path].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not (option.help or "").endswith(".")] == []


@pytest.mark.parametrize("path", all_commands(), ids=lambda path: " ".join(path) or "graft")
def test_every_help_begins_with_one_line_that_is_a_sentence(path):
    summary, blank, *_ = all_commands()[path].help.splitlines()
    assert summary.endswith(".") and blank == ""
    assert len(summary) <= 62, "it would be cut off in a list of commands 80 columns wide"


def test_the_help_shows_every_command_under_a_heading():
    shown = run("--help").out
    assert "..." not in shown.replace("[ARGS]...", "")
    assert [line for line in shown.splitlines() if line.rstrip(":") in SECTIONS] == [f"{name}:" for name in SECTIONS]
    for name, (_, text) in COMMANDS.items():
        assert f"  {name:<{max(map(len, COMMANDS))}}  {text}\n" in shown


def test_the_table_and_the_commands_agree():
    for name, (_, text) in COMMANDS.items():
        command = graft.get_command(click.Context(graft), name)
        assert (command.name, command.get_short_help_str(200)) == (name, text)


@pytest.mark.parametrize("arguments", [["idnex"], ["index", "--nope"], ["eval", "rnu"], ["index"], ["search"]])
def test_wrong_usage_is_exit_code_2(arguments):
    done = run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Usage: graft")
    assert "Error: " in done.err


def test_a_misspelt_command_is_answered_with_the_nearest_one():
    assert "Unknown command 'idnex'. Did you mean 'index'? Expected one of: index, update, " in run("idnex").err
    assert "Unknown command 'rnu'. Did you mean 'run'? Expected one of: run, ls, compare, " in run("eval", "rnu").err


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert run("--version").out == f"graft, version {version('graftlab')}\n"
