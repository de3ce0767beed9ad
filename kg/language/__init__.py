"""Text, sentences, dates, spans and English verbs; knows nothing of the graph."""
