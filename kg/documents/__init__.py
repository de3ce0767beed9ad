"""Documents: files to documents, and documents to chunks.

Knows no extractor, no store, and of models an encoder's tokens alone.

- `load` reads a file or a folder and accounts for everything in it; `readers` has a reader for each format, `parts`
  what readers give.
- `web`, `pdf`, `office`, `tables` and `wiki` are what readers are made of.
- `encoding` decodes files of text; `signature` tells what a file under the wrong suffix is.
- `chunk` cuts a document into chunks of whole sentences; `window` makes them no longer than the encoder reads, behind
  their `heading`, and measures what it does not read.
- `sources` names the file that a document comes from, and finds sources that a person names.
"""

from kg.documents.load import LoadedFile, load_file
from kg.documents.parts import LostPart, Notice, RawDocument, SourceFile
from kg.documents.readers import READERS

__all__ = ["READERS", "LoadedFile", "LostPart", "Notice", "RawDocument", "SourceFile", "load_file"]
