#!/usr/bin/env bash
# Guessed: a grammar of token ids (`<[id]> <[id]> …`) matches any token of the vocabulary,
#   so that an answer's end mark is one more id, and its log-probability comes with the
#   others.
# So: a mark that ends an answer passes a grammar only where the grammar has matched
#   already. As an id within it it can never match: nothing is allowed, another token is
#   taken, and the server answers 500 with "Unexpected empty grammar stack".
# With: xllamacpp 2026.10.11549, gguf 0.19.0, on a random model of one block.
# Matters: who measures the likelihood of a given answer leaves the end mark out of the
#   grammar, and out of what it is compared with.
set -euo pipefail
source "$(dirname "$0")/venv.bash"
fresh_venv xllamacpp==2026.10.11549 gguf==0.19.0 numpy==2.4.6 pyyaml==6.0.3 tqdm==4.67.1 \
  requests==2.32.5 urllib3==2.5.0 idna==3.11 certifi==2025.11.12 charset-normalizer==3.4.4
python - <<'PY' 2>/dev/null
import json
import sys
import urllib.error
import urllib.request
from importlib.metadata import version

import numpy as np
from gguf import GGUFWriter, TokenType
from xllamacpp import CommonParams, Server

print("xllamacpp", version("xllamacpp"), "gguf", version("gguf"))
print("Guess: an end mark in a grammar of token ids matches as any other token does.")

printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
others = iter(range(256, 512))
letters = [chr(b) if b in printable else chr(next(others)) for b in range(256)]
vocabulary = [*letters, letters[254] + letters[255], "<|end|>"]
END, WIDTH = len(vocabulary) - 1, 32
writer = GGUFWriter("tiny.gguf", "qwen2")
writer.add_block_count(1)
writer.add_context_length(256)
writer.add_embedding_length(WIDTH)
writer.add_feed_forward_length(WIDTH)
writer.add_head_count(1)
writer.add_head_count_kv(1)
writer.add_layer_norm_rms_eps(1e-6)
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("qwen2")
writer.add_token_list(vocabulary)
writer.add_token_types([TokenType.NORMAL] * END + [TokenType.CONTROL])
writer.add_token_merges([f"{letters[254]} {letters[255]}"])
writer.add_eos_token_id(END)
draw = np.random.default_rng(7)
square = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
shapes = {f"blk.0.{name}.weight": (WIDTH, WIDTH) for name in square}
shapes |= {f"blk.0.{name}.bias": (WIDTH,) for name in square[:3]}
shapes |= {f"blk.0.{name}.weight": (WIDTH,) for name in ("attn_norm", "ffn_norm")}
shapes |= {f"{name}.weight": (END + 1, WIDTH) for name in ("token_embd", "output")}
shapes["output_norm.weight"] = (WIDTH,)
for name, shape in shapes.items():
    writer.add_tensor(name, draw.normal(0, 0.2, shape).astype(np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

parameters = CommonParams()
parameters.model.path = "tiny.gguf"
parameters.port, parameters.n_ctx, parameters.n_parallel = 0, 256, 1
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
parameters.offline, parameters.warmup = True, False
server = Server(parameters)


def ask(ids, count):
    body = {
        "prompt": [65, 66],
        "grammar": "root ::= " + " ".join(f"<[{i}]>" for i in ids),
        "n_predict": count,
        "n_probs": 1,
    }
    address = f"{server.listening_address}/completion"
    request = urllib.request.Request(address, json.dumps(body).encode())
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request) as answer:
            found = json.loads(answer.read())["completion_probabilities"]
            return 200, [one["id"] for one in found][: len(ids)]
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())["error"]["message"][:60]


without, within = ask([72, 105], 3), ask([72, 105, END], 3)
print(f"Seen: without the end mark {without}; with it {within}.")
is_so = without == (200, [72, 105]) and within[0] == 500 and "empty grammar" in within[1]
sys.exit(not is_so)
PY
