"""The pages of the studio, one per module."""
