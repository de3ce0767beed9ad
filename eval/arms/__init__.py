"""Contexts frozen, questions asked, answers marked."""
