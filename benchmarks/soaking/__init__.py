"""Parts of `benchmarks/soak.py`: time, vendors that fail, people, daemons, audit."""
