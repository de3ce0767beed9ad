"""The configuration files, shipped as package data: models, adapters, systems, experiments, prompts."""
