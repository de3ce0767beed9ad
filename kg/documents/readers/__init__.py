"""Readers of file formats, one file a format; `READERS` maps a suffix to the function that reads it.

Knows no id, no folder and no store.

- `plain`, `markdown`, `html`, `rst`, `org`, `notebook`, `subtitles` and `rtf` read files of text with marks, one
  document a file.
- `pdf` reads pages; `docx`, `pptx`, `xlsx`, `odf` and `epub` read archives.
- `tables`, `json_rows`, `mail` and `xml` read files of many documents: rows, messages, articles.
- `unread` has advice for formats that are not read.
"""

from kg.documents.parts import Reader
from kg.documents.readers.docx import read_docx
from kg.documents.readers.epub import read_epub
from kg.documents.readers.html import read_html
from kg.documents.readers.json_rows import read_json, read_jsonl
from kg.documents.readers.mail import read_eml, read_mbox
from kg.documents.readers.markdown import read_markdown
from kg.documents.readers.notebook import read_notebook
from kg.documents.readers.odf import read_odp, read_ods, read_odt
from kg.documents.readers.org import read_org
from kg.documents.readers.pdf import read_pdf
from kg.documents.readers.plain import read_text
from kg.documents.readers.pptx import read_pptx
from kg.documents.readers.rst import read_rst
from kg.documents.readers.rtf import read_rtf
from kg.documents.readers.subtitles import read_subtitles
from kg.documents.readers.tables import read_csv
from kg.documents.readers.xlsx import read_xlsx
from kg.documents.readers.xml import read_xml

READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".text": read_text,
    ".log": read_text,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".xhtml": read_html,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".tab": read_csv,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".pptx": read_pptx,
    ".pptm": read_pptx,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
    ".odt": read_odt,
    ".odp": read_odp,
    ".ods": read_ods,
    ".epub": read_epub,
    ".ipynb": read_notebook,
    ".rst": read_rst,
    ".org": read_org,
    ".eml": read_eml,
    ".mbox": read_mbox,
    ".srt": read_subtitles,
    ".vtt": read_subtitles,
    ".xml": read_xml,
    ".rtf": read_rtf,
}
"""Suffix of a file to its reader."""

__all__ = ["READERS"]
