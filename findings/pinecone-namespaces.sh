#!/usr/bin/env bash
# Guessed: each match of `query_namespaces` says which namespace it is from.
# So: it has an id and a score only, though each answer that it was merged from names its
#   namespace. An id that two namespaces have comes twice, and nothing tells which is
#   which.
# With: pinecone 10.2.0, against a server here that answers as Pinecone's API describes.
# Matters: with one namespace a model or language, vectors of the same script cannot be
#   told apart, nor fetched again. Put the namespace into the metadata, or query each.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv pinecone==10.2.0 anyio==4.16.0 certifi==2026.10.18 h11==0.16.0 \
  h2==4.4.1 hpack==4.2.0 httpcore==1.0.9 httpx==0.28.1 hyperframe==6.1.0 \
  idna==3.20 msgspec==0.22.0 orjson==3.13.0 typing_extensions==4.16.0
NO_PROXY=127.0.0.1 python -W ignore - <<'PY'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

from pinecone import Pinecone

print("pinecone", version("pinecone"))
print("Guess: s1 of en, s1 of de.")
SCORES = {"en": 0.9, "de": 0.8}


class Index(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        name = asked["namespace"]
        match = {"id": "s1", "score": SCORES[name], "values": []}
        answer = {"matches": [match], "namespace": name, "usage": {"readUnits": 1}}
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = Pinecone(api_key="never-a-key")
index = client.index(host=f"http://127.0.0.1:{server.server_port}")
one = index.query(vector=[0.1, 0.2], top_k=1, namespace="en")
both = index.query_namespaces(
    vector=[0.1, 0.2], namespaces=["de", "en"], metric="cosine", top_k=2
)
ids = [(match.id, match.score) for match in both.matches]
named = [hasattr(match, "namespace") for match in both.matches]
print(f"Seen: one query names {one.namespace!r}; merged {ids}, with a namespace {named}.")
sys.exit(
    (one.namespace, ids, named) != ("en", [("s1", 0.9), ("s1", 0.8)], [False, False])
)
PY
