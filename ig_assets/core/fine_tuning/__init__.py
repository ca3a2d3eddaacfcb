"""Training sets, files, jobs, models and their evaluation."""
