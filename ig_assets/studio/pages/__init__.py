"""The pages of the studio, one a module."""
