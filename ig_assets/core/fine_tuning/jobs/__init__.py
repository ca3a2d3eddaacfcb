"""Fine-tune jobs: submitted once, polled to a final state, registered as models."""
