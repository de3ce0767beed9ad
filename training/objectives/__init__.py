"""Losses and the steps that lower them."""
