"""Fine-tuning at Together through its own SDK, an optional extra."""
