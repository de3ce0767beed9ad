"""A training run that resumes, and the folder it leaves."""
