"""Trains the weights of an adapter: batches, losses, steps, checkpoints."""
