"""Files: written completely or not at all, named by digest, read line by line, and the settings that people write.

Knows no model and nothing of the graph. It re-exports nothing; import each function from its file.

- `atomic` replaces a file in one step; `lock` lets one process at a time make it.
- `cache` is the folder for files that can be made again.
- `digest` names content.
- `text` reads other people's UTF-8, `jsonl` their JSON lines; `settings` reads YAML settings.
"""
