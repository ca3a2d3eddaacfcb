#!/usr/bin/env bash
# Guessed: a text never takes more tokens than its parts together, since the parts'
#   tokens are one way to write it.
# So: it can take more. Merges go by rank, not for the fewest tokens, so a word in one
#   piece may take three tokens where its halves take one each.
# With: bpe-openai 0.1.4, encoding o200k_base.
# Matters: a budget that sums the counts of hook, body and tags is no upper bound where
#   parts are joined without white space (hashtags, compounds, streamed deltas). Count
#   the text that is sent.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv bpe-openai==0.1.4 typing-extensions==4.16.0
python - <<'PY'
import sys
from importlib.metadata import version

import bpe_openai

print("bpe-openai", version("bpe-openai"))
print("Guess: tokens of a whole <= tokens of its parts.")
encoding = bpe_openai.get_encoding("o200k_base")


def count(text):
    return len(encoding.encode_ordinary(text))


seen = {
    first + second: (count(first), count(second), count(first + second))
    for first, second in (("Bei", "spiel"), ("Hell", "igkeit"), ("Mor", "gens"))
}
print(f"Seen: tokens of the halves and of the whole are {seen}.")
sys.exit(any(counts != (1, 1, 3) for counts in seen.values()))
PY
