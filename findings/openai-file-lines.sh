#!/usr/bin/env bash
# Guessed: `files.content(id).iter_lines()` of OpenAI's SDK gives the lines of a file of
#   JSON lines, such as the results of a batch.
# So: it also breaks at U+2028, U+2029 and U+0085, which JSON lets stand unescaped in a
#   text. Such a line comes in parts that are no JSON. `.read()` or a file on disk, read
#   as bytes, has the lines that the vendor wrote.
# With: openai 3.54.0, httpx2 2.16.2.
# Matters: notes and slides give these characters as breaks within a paragraph; a result
#   that was paid for is dropped as broken, or ends the reading.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv openai==3.54.0 httpx2==2.16.2 \
  annotated-types==0.8.0 anyio==4.16.0 certifi==2026.10.18 h11==0.16.0 \
  httpcore2==2.16.2 truststore==0.10.5 idna==3.20 jiter==0.19.0 pydantic==2.14.3 \
  pydantic_core==2.50.4 \
  sniffio==1.3.1 tqdm==4.70.1 typing_extensions==4.16.0 typing-inspection==0.4.5
NO_PROXY=127.0.0.1 python -W ignore - <<'PY'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version

import openai

print("openai", version("openai"), "httpx2", version("httpx2"))
print("Guess: iter_lines gives each JSON line of a file whole.")
TEXTS = ["a break", "a\u2028break", "a\u2029break", "a\x85break"]
LINES = [json.dumps({"text": text}, ensure_ascii=False) for text in TEXTS]


class File(BaseHTTPRequestHandler):
    def do_GET(self):
        content = "".join(f"{line}\n" for line in LINES).encode("utf-8")
        self.send_response(200)
        self.send_header("content-type", "application/octet-stream")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), File)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = openai.OpenAI(
    api_key="never-a-key", base_url=f"http://127.0.0.1:{server.server_port}/v1"
)


def whole(lines):
    count = 0
    for line in lines:
        try:
            count += json.loads(line)["text"] in TEXTS
        except ValueError:
            pass
    return count


answer = client.files.content("file-1")
by_lines, parts = whole(answer.iter_lines()), len(list(answer.iter_lines()))
with client.files.with_streaming_response.content("file-1") as streamed:
    in_stream = whole(streamed.iter_lines())
by_bytes = whole(answer.read().split(b"\n")[:-1])
print(f"Seen: {len(LINES)} lines come as {parts}; whole are {by_lines}, streamed")
print(f"  {in_stream}; of the bytes split at line feeds {by_bytes}.")
sys.exit((parts, by_lines, in_stream, by_bytes) != (7, 1, 1, 4))
PY
