"""Formats that are not read though they hold text, and what a user can do about each."""

from __future__ import annotations

ADVICE: dict[str, str] = {
    **dict.fromkeys((".doc", ".docm", ".dot", ".dotx", ".wpd", ".wps", ".pages"), "Save it as .docx."),
    **dict.fromkeys((".xls", ".xlsb", ".xlt", ".numbers"), "Save it as .xlsx or .csv."),
    **dict.fromkeys((".ppt", ".pps", ".ppsx", ".potx", ".key"), "Save it as .pptx or .pdf."),
    **dict.fromkeys((".msg", ".pst", ".ost"), "Save the mails as .eml or .mbox."),
    **dict.fromkeys((".mobi", ".azw", ".azw3", ".fb2", ".lit"), "Convert it to .epub."),
    **dict.fromkeys((".djvu", ".ps", ".xps", ".oxps"), "Convert it to .pdf."),
    **dict.fromkeys((".tex", ".adoc", ".asciidoc", ".textile"), "Convert it to .md or .html."),
    **dict.fromkeys((".mht", ".mhtml", ".webarchive"), "Save it as .html."),
    **dict.fromkeys((".fodt", ".ott"), "Save it as .odt."),
    **dict.fromkeys((".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".zst"), "Unpack it first."),
    **dict.fromkeys(
        (".parquet", ".feather", ".arrow", ".sqlite", ".db", ".yaml", ".yml"), "Export it as .jsonl or .csv."
    ),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".heic"), "Run OCR on it, or save it as a PDF with text."
    ),
    **dict.fromkeys((".mp3", ".mp4", ".wav", ".m4a", ".mkv"), "Have it transcribed to .srt, .vtt or .txt."),
}
"""Suffix to advice, one sentence."""
