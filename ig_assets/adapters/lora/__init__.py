"""A trainer on this machine: trains LoRA adapters of the local base model."""
