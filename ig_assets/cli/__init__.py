"""`ig-assets`: the command line, thin over the same core that Dagster calls."""
