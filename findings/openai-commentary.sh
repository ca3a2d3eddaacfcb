#!/usr/bin/env bash
# Guessed: `output_text` of OpenAI's SDK is the model's answer, the text that
#   `output_parsed` is read from.
# So: an answer may begin with a message in which the model says what it is about to do
#   (phase "commentary"). `output_text` joins it to the answer with nothing between, so
#   that JSON by a schema is no JSON; `output_parsed` leaves it out.
# With: openai 3.57.0, httpx2 2.16.2, against a transport that answers as the API does.
# Matters: an answer that was paid for is thrown away as broken, or a script begins with
#   "I will write a hook first." Take the messages whose phase is not "commentary".
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv openai==3.57.0 annotated-types==0.8.0 anyio==4.16.0 h11==0.16.0 \
  httpcore2==2.16.2 httpx2==2.16.2 idna==3.20 jiter==0.19.0 pydantic==2.14.4 \
  pydantic_core==2.50.5 sniffio==1.3.1 truststore==0.10.5 typing-inspection==0.4.5 \
  typing_extensions==4.16.0
python -W ignore - <<'PY'
import sys

import httpx2
import openai
from pydantic import BaseModel

print("openai", openai.__version__, "httpx2", httpx2.__version__)
print("Guess: output_text is the JSON of the answer.")
SAID, JSON = "I will write a hook first.", '{"hook": "Stop."}'


class Script(BaseModel):
    hook: str


def message(name, phase, text):
    part = {"type": "output_text", "text": text, "annotations": []}
    about = {"type": "message", "role": "assistant", "status": "completed"}
    return {**about, "id": name, "phase": phase, "content": [part]}


ANSWER = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "tools": [],
    "tool_choice": "auto",
    "parallel_tool_calls": False,
    "output": [message("m1", "commentary", SAID), message("m2", "final_answer", JSON)],
}
transport = httpx2.MockTransport(lambda request: httpx2.Response(200, json=ANSWER))
client = openai.OpenAI(
    api_key="none",
    base_url="http://here.invalid/v1",
    http_client=httpx2.Client(transport=transport),
)
found = client.responses.parse(model="m", input="Write.", text_format=Script)
print(f"Seen: output_text {found.output_text!r}, output_parsed {found.output_parsed!r}")
sys.exit((found.output_text, found.output_parsed) != (SAID + JSON, Script(hook="Stop.")))
PY
