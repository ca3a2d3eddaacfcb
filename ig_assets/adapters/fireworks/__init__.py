"""Fine-tuning at Fireworks through its own SDK, an optional extra."""
