#!/usr/bin/env bash
# Guessed: a measure of lexical diversity refuses a text that is too short for it, or
#   comes near its greatest value for one that repeats no word.
# So: `hdd` is 0 for any text of fewer than 42 words and 1 for 42 different ones; `mtld`
#   and `mtld_ma_bid` are 0 too where no word comes twice, the value of no diversity.
# With: lexical-diversity 0.1.1.
# Matters: hooks and short scripts are shorter than that. A gate for dull texts refuses the
#   most varied ones, and an average over scripts measures their length.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv lexical-diversity==0.1.1 setuptools==65.5.0
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

from lexical_diversity import lex_div

print("lexical-diversity", version("lexical-diversity"))
print("Guess: an error, or more for 41 different words than for one word 42 times.")
TEXTS = {
    "41 different": [f"word{number}" for number in range(41)],
    "42 different": [f"word{number}" for number in range(42)],
    "one 42 times": ["word"] * 42,
}
seen = {
    name: [round(f(words), 2) for f in (lex_div.hdd, lex_div.mtld, lex_div.mtld_ma_bid)]
    for name, words in TEXTS.items()
}
print("Seen, by hdd, mtld, mtld_ma_bid:", seen)
sys.exit(
    seen["41 different"] != [0, 0, 0]
    or seen["42 different"][:2] != [1, 0]
    or not all(seen["one 42 times"][:2])
)
PY
