"""What the reader of PDFs is made of: pages, lines of a page, words cut at line ends, and OCR.

Knows PDFium's objects, and neither files nor documents; `kg.documents.readers.pdf` puts it together.
"""
