#!/usr/bin/env bash
# Guessed: Caption.text is what a viewer reads.
# So: tags are taken out but entities stay, also in SubRip made from it, where nothing
#   would decode them.
# With: webvtt-py 0.6.0.
# Matters: a corpus fed from a platform's subtitles learns to write "&amp;"; put
#   html.unescape behind it.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv webvtt-py==0.6.0
python - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import webvtt

print("webvtt-py", version("webvtt-py"))
print("Guess: <v Ann>Salt &amp; <b>pepper</b> reads as: Salt & pepper")
Path("reel.vtt").write_text(
    "WEBVTT\n\n00:00.000 --> 00:02.000\n<v Ann>Salt &amp; <b>pepper</b>\n"
)
captions = webvtt.read("reel.vtt")
text = captions[0].text
captions.save_as_srt("reel.srt")
srt = Path("reel.srt").read_text().splitlines()[2]
print(f"Seen: text {text!r}, in SubRip {srt!r}.")
sys.exit((text, srt) != ("Salt &amp; pepper", "Salt &amp; pepper"))
PY
