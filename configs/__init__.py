"""The configuration files, shipped as package data: models, systems, tasks, experiments, prompts."""
