"""A data pipeline that writes, measures and improves Instagram Reels scripts."""

import os

# Read when NumPy and SciPy are loaded. Matrices here have some hundred columns: the
# threads of OpenBLAS wait for each other longer than they work, and `ranker fit` took
# seven times the CPU with two of them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

__version__ = "0.1.0"
