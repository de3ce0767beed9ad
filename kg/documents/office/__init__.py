"""What the readers of office documents, books and mail share: archives, XML trees, and blocks of text.

Knows no format as a whole; each has a file in `kg.documents.readers`.

- `archive` opens ZIP files within bounds, `repair` leaves out damaged members.
- `markup` parses XML, `blocks` joins paragraphs, lists and tables, `charts` and `sheets` are in several formats.
"""
