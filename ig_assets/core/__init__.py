"""What the product knows: plain functions and dataclasses, no Dagster, no vendor."""
