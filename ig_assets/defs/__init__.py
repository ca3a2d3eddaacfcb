"""What Dagster sees, thin: one folder a stage."""
