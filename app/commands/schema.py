"""`graft schema`: kinds and relations of a corpus, from a sample, to read before they are given to an extractor."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from app.options import json_option, print_json, quiet_option


@click.command(short_help="Learn kinds and relations from a sample of a corpus.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--extractor", default="nlp", show_default=True, metavar="NAME", help='A chat model, or "nlp".')
@click.option(
    "--sample", default=20, show_default=True, type=click.IntRange(min=1), metavar="N", help="Documents read."
)
@click.option(
    "--most", default=30, show_default=True, type=click.IntRange(min=1), metavar="N", help="Most names shown."
)
@json_option
@quiet_option
def schema(folder: Path, extractor: str, sample: int, most: int, as_json: bool, quiet: bool) -> None:
    """Read a sample of FOLDER and print what was found as settings for `graft index --config FILE`, to be cut by hand.

    With `entity_types` or `relations` given, a chat model writes those and no others. Nothing is recorded.

    \b
    graft schema articles/ > index.yaml
    graft schema articles/ --extractor qwen-1.5b --sample 5 --json
    """
    from app.api import learn_schema
    from app.progress import open_progress

    learnt = learn_schema(folder, extractor=extractor, sample=sample, most=most, progress=open_progress(quiet))
    if as_json:
        print_json(asdict(learnt))
        return
    click.echo(f"# From {learnt.documents} documents; behind each name how often it was found. Keep what you want.")
    click.echo("extract:")
    click.echo("  style: full  # kinds of things are asked for in this style")
    for setting, found in (("entity_types", learnt.entity_types), ("relations", learnt.relations)):
        click.echo(f"  {setting}:" if found else f"  {setting}: null")
        for name, count in found:
            click.echo(f"    - {json.dumps(name, ensure_ascii=False)}  # {count}")
