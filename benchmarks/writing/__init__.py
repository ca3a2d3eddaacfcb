"""The parts of benchmarks/generation.py."""
