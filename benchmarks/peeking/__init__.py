"""The parts of `benchmarks/experiments.py`: audiences, rules, engines, real tests."""
