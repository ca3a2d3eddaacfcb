"""Training of an adapter's weights: batches, losses, steps, checkpoints."""
