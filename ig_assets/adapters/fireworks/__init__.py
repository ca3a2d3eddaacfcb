"""Fireworks: fine-tuning by its own SDK, an extra."""
