"""An extractor against gold triples."""
