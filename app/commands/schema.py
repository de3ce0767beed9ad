"""`graft schema`: entity types and relations of a corpus, from a sample, to edit and give to `graft index`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from app.options import encoding_option, json_option, limit_option, progress_option
from app.output import print_failures, print_json, print_notes

if TYPE_CHECKING:
    from models.runtime.progress import Progress


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--extractor",
    default="nlp",
    show_default=True,
    metavar="NAME",
    help='What extracts facts from the sample: the name of a chat model, or "nlp" for a parser.',
)
@click.option(
    "--sample",
    default=20,
    show_default=True,
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of documents to sample.",
)
@limit_option("Maximum number of entity types, and of relations, to print.", 30)
@encoding_option
@json_option
@progress_option
def schema(
    folder: Path,
    extractor: str,
    sample: int,
    limit: int,
    encoding: str | None,
    as_json: bool,
    progress: Progress,
) -> None:
    """Suggest entity types and relations from a sample of documents.

    Extracts facts from some documents of FOLDER and prints the most frequent entity types and relations as settings for
    `graft index --config FILE`, with their counts. Edit the list: a chat model then uses the names that are left and no
    others. Nothing is stored.

    \b
    Examples:
      graft schema articles/ > index.yaml
      graft schema articles/ --extractor qwen-1.5b --sample 5 --json
    """
    from app.api import learn_schema

    suggested = learn_schema(
        folder, extractor=extractor, sample=sample, limit=limit, encoding=encoding or "", progress=progress
    )
    files = suggested.files
    print_failures(files.failures)
    print_notes(files.skips, "skipped")
    print_notes(files.notices, "read with a remark")
    if as_json:
        values = asdict(suggested)
        account = values.pop("files")
        print_json({**values, **account})
        return
    click.echo(
        f"# From {suggested.documents} documents. Each name is followed by its count; delete what you do not want."
    )
    click.echo("extract:")
    click.echo("  style: full  # the style in which the model names the types of entities")
    for setting, names in (("entity_types", suggested.entity_types), ("relations", suggested.relations)):
        click.echo(f"  {setting}:" if names else f"  {setting}: null")
        for name, occurrences in names:
            click.echo(f"    - {json.dumps(name, ensure_ascii=False)}  # {occurrences}")
