#!/usr/bin/env bash
# Guessed: BM25 retrieval of the in-memory store finds the documents that hold a word of
#   the query, fewer than `top_k` if there are fewer.
# So: once one document has such a word, the others fill up to `top_k`, an empty one too.
#   Each has a score above 0. A query of no known word finds none.
# With: haystack-ai 3.0.0.
# Matters: a prompt for "bread" gets examples about anything as if they had matched, and
#   "how many scripts match" is always `top_k`. Keep what holds a word, or cut by score.
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
from haystack.document_stores.in_memory import InMemoryDocumentStore

print("haystack-ai", version("haystack-ai"))
print("Guess: the script about bread alone.")
store = InMemoryDocumentStore()
HOOKS = ["Bread needs time.", "Stop scrolling.", "Cold brew at home.", ""]
store.write_documents([Document(content=hook) for hook in HOOKS])
found = store.bm25_retrieval("bread", top_k=4)
known = [(document.content, round(document.score, 2)) for document in found]
unknown = store.bm25_retrieval("guitar", top_k=4)
print(f"Seen: bread {known}; guitar {unknown}.")
sys.exit(
    sorted(hook for hook, _ in known) != sorted(HOOKS)
    or known[0][0] != HOOKS[0]
    or not all(score > 0 for _, score in known)
    or unknown != []
)
PY
