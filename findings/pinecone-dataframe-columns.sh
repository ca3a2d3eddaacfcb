#!/usr/bin/env bash
# Guessed: `upsert_from_dataframe` refuses a column that it does not know, or sends it as
#   metadata.
# So: all but `id`, `values`, `sparse_values` and `metadata` are left out, and the answer
#   is success for each row. `Metadata` with a capital letter is left out as well.
# With: pinecone 10.2.0, pandas 3.1.1, against a server here that counts what it is sent.
# Matters: language, topic and author are columns in a frame; without them every filter
#   finds nothing, and nothing was reported. Put them into one `metadata` column.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv pinecone==10.2.0 anyio==4.16.0 certifi==2026.10.18 h11==0.16.0 \
  h2==4.4.1 hpack==4.2.0 httpcore==1.0.9 httpx==0.28.1 hyperframe==6.1.0 \
  idna==3.20 msgspec==0.22.0 orjson==3.13.0 typing_extensions==4.16.0 \
  pandas==3.1.1 numpy==2.4.6 python-dateutil==4.0.0 six==1.17.0
NO_PROXY=127.0.0.1 python -W ignore - <<'PY'
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

import pandas as pd
from pinecone import Pinecone

print("pinecone", version("pinecone"), "pandas", pd.__version__)
print("Guess: `language` is sent, or refused.")
sent = []


class Index(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        sent.extend(asked["vectors"])
        content = json.dumps({"upsertedCount": len(asked["vectors"])}).encode()
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
VECTOR = {"id": ["s1"], "values": [[0.1, 0.2]]}
frames = [
    pd.DataFrame({**VECTOR, "language": ["de"]}),
    pd.DataFrame({**VECTOR, "Metadata": [{"language": "de"}]}),
    pd.DataFrame({**VECTOR, "metadata": [{"language": "de"}]}),
]
counts = [
    index.upsert_from_dataframe(frame, show_progress=False).upserted_count
    for frame in frames
]
metadata = [vector.get("metadata") for vector in sent]
print(f"Seen: upserted {counts}; sent with metadata {metadata}.")
sys.exit((counts, metadata) != ([1, 1, 1], [None, None, {"language": "de"}]))
PY
