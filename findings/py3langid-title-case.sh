#!/usr/bin/env bash
# Guessed: capital letters do not matter to a language identifier; certainly not those
#   of a headline.
# So: it knows letters of text as people write it: In Title Case its belief in a hook's
#   own language falls by half or more, one French hook turns Galician, and CAPITALS
#   throughout do little harm.
# With: py3langid 0.4.0, numpy 2.4.6.
# Matters: a language gate at 0.5 fails good headlines. Measure text.lower(), or the
#   whole script instead of the hook.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv py3langid==0.4.0 numpy==2.4.6
python - <<'PY'
import sys
from importlib.metadata import version

from py3langid.langid import MODEL_FILE, LanguageIdentifier

print("py3langid", version("py3langid"))
print("Guess: the same belief for a hook, its Title Case and its CAPITALS.")
identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
english = "You are watering your plants wrong"
belief = {
    name: round(float(dict(identifier.rank(text))["en"]), 2)
    for name, text in (
        ("as written", english),
        ("Title Case", english.title()),
        ("CAPITALS", english.upper()),
        ("lower", english.title().lower()),
    )
}
french = "Tu arroses mal tes plantes"
languages = [identifier.classify(text)[0] for text in (french, french.title())]
print(f"Seen: belief in English {belief}; the French hook is {languages}.")
ok = belief["as written"] > 0.9 and belief["CAPITALS"] > 0.9 and belief["lower"] > 0.9
sys.exit(not ok or belief["Title Case"] >= 0.5 or languages != ["fr", "gl"])
PY
