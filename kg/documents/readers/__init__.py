"""Readers of file formats, one file a format; `READERS` maps a suffix to the function that reads it.

Knows no id, no folder and no store.

- `plain`, `markdown`, `html` and `pdf` read files of one document each.
- `tables` reads files of many: JSON Lines, CSV.
"""

from kg.documents.parts import Reader
from kg.documents.readers.html import read_html
from kg.documents.readers.markdown import read_markdown
from kg.documents.readers.pdf import read_pdf
from kg.documents.readers.plain import read_text
from kg.documents.readers.tables import read_csv, read_jsonl

READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".pdf": read_pdf,
}
"""Suffix of a file to its reader."""

__all__ = ["READERS"]
