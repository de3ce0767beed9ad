"""Web pages: markup to the text that a reader sees. Knows no file and no document.

- `visible` parses a page and drops what no reader sees.
- `blocks` renders what is left as blocks of text.
- `main_part` finds the blocks that are the page's text.
"""
