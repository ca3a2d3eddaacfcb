"""A trainer on this machine: adapters (LoRA) of the local base model."""
