"""Matching of labelled record pairs."""
