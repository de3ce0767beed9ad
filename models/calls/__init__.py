"""What surrounds a model call: prompt, form of the answer, tries, record, budget, many at once."""
