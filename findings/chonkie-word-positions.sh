#!/usr/bin/env bash
# Guessed: a chunk's `start_index` and `end_index` cut that chunk out of the text, and
#   the chunks without overlap make up the text.
# So: not with the tokenizer "word". The space between two chunks is dropped and not
#   counted, so that positions are one short after the first chunk, two after the second.
#   With "character" both hold.
# With: chonkie 1.7.0, chonkie-core 0.10.2.
# Matters: what is kept is where in a script an example or a quoted claim stands; it
#   drifts by a letter a chunk. Search for the chunk's text from the last one's end.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv chonkie==1.7.0 chonkie-core==0.10.2 numpy==2.4.6 tenacity==9.2.1 \
  tqdm==4.70.1 httpx==0.28.1 httpcore==1.0.9 h11==0.16.0 anyio==4.16.0 \
  certifi==2026.10.19.post1 idna==3.20 typing_extensions==4.16.0
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

from chonkie import TokenChunker

print("chonkie", version("chonkie"), "chonkie-core", version("chonkie-core"))
print("Guess: text[start:end] is each chunk's text, and together they are the text.")
TEXT = "Stop scrolling now. Three things make a hook work. Save this for later today."


def cut(tokenizer, size):
    chunker = TokenChunker(tokenizer=tokenizer, chunk_size=size, chunk_overlap=0)
    chunks = chunker.chunk(TEXT)
    shift = [TEXT.index(chunk.text) - chunk.start_index for chunk in chunks]
    return shift, "".join(chunk.text for chunk in chunks) == TEXT


words, letters = cut("word", 4), cut("character", 20)
print(f"Seen: words: the chunks begin {words[0]} later than they say, whole {words[1]};")
print(f"  characters: {letters[0]}, {letters[1]}.")
sys.exit((words, letters) != (([0, 1, 2, 3], False), ([0] * 4, True)))
PY
