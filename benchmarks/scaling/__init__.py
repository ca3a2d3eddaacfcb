"""What `benchmarks/scale.py` starts in processes of its own."""
