#!/usr/bin/env bash
# Guessed: `pattern` in a JSON schema is a search, as JSON Schema says, also where a
#   grammar for a model is made of it: "[0-9]" asks for a digit somewhere in the text.
# So: outlines-core and LM Format Enforcer take it as the whole text, which is then one
#   digit. In outlines-core "^Stop" without "$" matches no text at all, and "yes|no"
#   without a group splits the JSON: a text that is never closed is allowed. llguidance
#   reads all of them as JSON Schema does.
# With: outlines-core 0.2.14, lm-format-enforcer 0.11.3, llguidance 1.9.1.
# Matters: "a hook with a number" writes hooks such as "7" and nothing else. Write ^ and $
#   and a group, which mean the same to all: "^.*[0-9].*$", "^(yes|no)$".
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv outlines_core==0.2.14 llguidance==1.9.1 lm-format-enforcer==0.11.3 \
  annotated-types==0.8.0 interegular==0.3.3 packaging==26.4 pydantic==2.14.4 \
  pydantic_core==2.50.5 PyYAML==6.0.4 typing-inspection==0.4.5 \
  typing_extensions==4.16.0
python -W ignore - <<'PY'
import json
import re
import sys
from importlib.metadata import version

from llguidance import LLMatcher, LLTokenizer
from lmformatenforcer import JsonSchemaParser
from outlines_core.json_schema import build_regex_from_schema

for name in ("outlines-core", "lm-format-enforcer", "llguidance"):
    print(name, version(name))
print("Guess: the first text of each pair is allowed, the second is not.")


def by_outlines(schema, text):
    return bool(re.fullmatch(build_regex_from_schema(json.dumps(schema)), text))


def by_enforcer(schema, text):
    parser = JsonSchemaParser(schema)
    for letter in text:
        if letter not in parser.get_allowed_characters():
            return False
        parser = parser.add_character(letter)
    return parser.can_end()


def by_llguidance(schema, text):
    grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema))
    matcher = LLMatcher(LLTokenizer("byte"), grammar)
    tokens = list(text.encode())
    return matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()


CASES = {
    "[0-9]": ('{"hook":"7 ways"}', '{"hook":"ways"}'),
    "^Stop": ('{"hook":"Stop it"}', '{"hook":"Go"}'),
    "yes|no": ('{"hook":"yes"}', '{"hook":"yes}'),
    "^.*[0-9].*$": ('{"hook":"7 ways"}', '{"hook":"ways"}'),
    "^(yes|no)$": ('{"hook":"yes"}', '{"hook":"yes}'),
}
seen = {}
for pattern, texts in CASES.items():
    schema = {
        "type": "object",
        "properties": {"hook": {"type": "string", "pattern": pattern}},
        "required": ["hook"],
        "additionalProperties": False,
    }
    seen[pattern] = [
        [way(schema, text) for text in texts]
        for way in (by_outlines, by_enforcer, by_llguidance)
    ]
    print(f"Seen, {pattern}:", seen[pattern])
RIGHT, NONE, WRONG = [True, False], [False, False], [False, True]
sys.exit(
    seen
    != {
        "[0-9]": [NONE, NONE, RIGHT],
        "^Stop": [NONE, NONE, RIGHT],
        "yes|no": [WRONG, RIGHT, RIGHT],
        "^.*[0-9].*$": [RIGHT, RIGHT, RIGHT],
        "^(yes|no)$": [RIGHT, RIGHT, RIGHT],
    }
)
PY
