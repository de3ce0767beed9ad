"""Documents: files to documents, and documents to chunks.

Knows no extractor, no store and no model.

- `load` reads a file or a folder; `READERS` maps a suffix to the function that reads it.
- `formats` reads files of one document each (text, Markdown, HTML, PDF), `tables` files of many (JSON Lines, CSV).
- `chunk` cuts a document into chunks of whole sentences.
- `sources` names the file that a document comes from, and finds sources that a person names.
"""

from kg.documents.formats import RawDocument
from kg.documents.load import READERS, LoadedFile, load_file
from kg.documents.tables import BadRow

__all__ = ["READERS", "BadRow", "LoadedFile", "RawDocument", "load_file"]
