#!/usr/bin/env bash
# Guessed: `MarkdownHeaderTextSplitter` cuts a note at its headings and leaves the text of
#   each section as it was written.
# So: each line is stripped and blank lines are taken out. Paragraphs become lines of one
#   paragraph, an item within an item one of the outer list, indented code flat; two
#   sections that follow each other under the same heading become one.
# With: langchain-text-splitters 1.1.3, langchain-core 1.8.3.
# Matters: hook, body and call to action are parted by blank lines; what is embedded or
#   shown to a model as an example has no parts any more. Cut at the headings yourself.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv langchain-text-splitters==1.1.3 annotated-types==0.8.0 anyio==4.16.0 \
  certifi==2026.10.19.post1 charset-normalizer==3.5.3 distro==1.9.0 h11==0.16.0 \
  httpcore2==2.16.2 httpcore==1.0.9 httpx2==2.16.2 httpx==0.28.1 idna==3.20 \
  jsonpatch==1.48 jsonpointer==3.12 langchain-core==1.8.3 langchain-protocol==0.0.20 \
  langsmith==0.15.1 orjson==3.13.0 packaging==26.4 pydantic==2.14.4 \
  pydantic_core==2.50.5 PyYAML==6.0.4 requests-toolbelt==1.0.0 requests==2.34.2 \
  sniffio==1.3.1 tenacity==8.5.0 truststore==0.10.5 typing-inspection==0.4.5 \
  typing_extensions==4.16.0 urllib3==2.8.0 uuid_utils==0.19.0 websockets==17.4 \
  xxhash==4.1.0 zstandard==0.25.0
python -W ignore - <<'PY'
import sys
from importlib.metadata import version

from langchain_text_splitters import MarkdownHeaderTextSplitter

print("langchain-text-splitters", version("langchain-text-splitters"))
print("Guess: each text as it stands between the headings.")
TEXTS = {
    "paragraphs": ["Stop.\n\nSalt late.\n\nFollow."],
    "a list": ["- knead\n  - by hand\n- bake"],
    "code": ["```\nif late:\n    salt()\n```"],
    "two takes": ["Take one.", "Take two."],
}
splitter = MarkdownHeaderTextSplitter([("#", "heading")])
seen = {
    name: [
        section.page_content
        for section in splitter.split_text(
            "\n".join(f"# Script\n{text}" for text in texts)
        )
    ]
    for name, texts in TEXTS.items()
}
for name, texts in seen.items():
    print(f"Seen, {name}: {texts}")
sys.exit(
    [*seen.values()]
    != [
        ["Stop.  \nSalt late.  \nFollow."],
        ["- knead\n- by hand\n- bake"],
        ["```\nif late:\nsalt()\n```"],
        ["Take one.  \nTake two."],
    ]
)
PY
