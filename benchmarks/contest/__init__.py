"""The parts of `benchmarks/corpus_sync.py`: the workload, the endpoint, the peers."""
