#!/usr/bin/env bash
# Guessed: `DocumentCleaner` as it comes takes out empty lines and runs of spaces, and
#   leaves lines as they are.
# So: an empty line goes with both of its line breaks, so that two paragraphs become one
#   line; a single line break stays unless a space or an indent is beside it. Without
#   `remove_extra_whitespaces` the empty line alone goes.
# With: haystack-ai 3.0.0.
# Matters: hook, body and call to action run into one sentence, headings into the text
#   below them, before anything splits by line or paragraph.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
export HAYSTACK_TELEMETRY_ENABLED=False
fresh_venv haystack-ai==3.0.0 annotated-types==0.8.0 anyio==4.16.0 attrs==26.1.0 \
  backoff==2.2.1 certifi==2026.10.19.post1 charset-normalizer==3.5.3 distro==1.9.0 \
  docstring_parser==0.16 filetype==1.2.0 h11==0.16.0 httpcore==1.0.9 httpx==0.28.1 \
  idna==3.20 Jinja2==3.1.6 jiter==0.19.0 jsonschema-specifications==2025.9.1 \
  jsonschema==4.26.0 lazy_imports==1.2.0 MarkupSafe==3.0.4 more-itertools==11.2.1 \
  networkx==3.6.1 numpy==2.4.6 openai==1.109.1 posthog==7.91.1 pydantic==2.14.4 \
  pydantic_core==2.50.5 python-dateutil==4.0.0 PyYAML==6.0.4 referencing==0.37.0 \
  requests==2.34.2 rpds-py==2026.9.1 sniffio==1.3.1 tenacity==8.5.0 tqdm==4.70.1 \
  typing-inspection==0.4.5 typing_extensions==4.16.0 tzdata==2026.6 urllib3==2.8.0
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

from haystack import Document
from haystack.components.preprocessors import DocumentCleaner

print("haystack-ai", version("haystack-ai"))
print("Guess: 'Stop.\\nSalt late.' and '- knead\\n - by hand' or as given.")


def cleaned(text, **options):
    found = DocumentCleaner(**options).run([Document(content=text)])
    return found["documents"][0].content


paragraphs = cleaned("Stop.\n\nSalt late.")
lines = cleaned("Stop.\nSalt late.")
items = cleaned("- knead\n  - by hand")
kept = cleaned("Stop.\n\nSalt late.", remove_extra_whitespaces=False)
print(f"Seen: paragraphs {paragraphs!r}, lines {lines!r}, items {items!r};")
print(f"  without remove_extra_whitespaces {kept!r}.")
sys.exit(
    (paragraphs, lines, items, kept)
    != (
        "Stop. Salt late.",
        "Stop.\nSalt late.",
        "- knead - by hand",
        "Stop.\nSalt late.",
    )
)
PY
