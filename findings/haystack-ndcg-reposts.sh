#!/usr/bin/env bash
# Guessed: NDCG is at most 1, also where the same right answer is found twice.
# So: `DocumentNDCGEvaluator` compares documents by their content, and counts a right one
#   as often as it comes back. One right script found with its repost scores 1.63; a
#   ranking with a wrong script first and the repost last beats a perfect one.
# With: haystack-ai 3.0.0.
# Matters: libraries have reposts and near copies. Retrieval that returns more of them is
#   measured as better. Take copies out before measuring.
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
from haystack.components.evaluators import DocumentNDCGEvaluator

print("haystack-ai", version("haystack-ai"))
print("Guess: 1 for the perfect ranking, and no more for any other.")


def ndcg(*texts):
    found = [Document(id=str(n), content=text) for n, text in enumerate(texts)]
    result = DocumentNDCGEvaluator().run(
        ground_truth_documents=[[Document(content="right")]],
        retrieved_documents=[found],
    )
    return round(result["score"], 2)


seen = (ndcg("right", "other"), ndcg("right", "right"), ndcg("other", "right", "right"))
print("Seen: perfect {}, with the repost {}, wrong one first {}".format(*seen))
sys.exit(seen != (1.0, 1.63, 1.13))
PY
