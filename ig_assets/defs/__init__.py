"""The Dagster definitions on top of the core: thin, one folder per stage."""
