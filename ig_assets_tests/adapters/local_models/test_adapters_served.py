"""Which adapters a server has, and what each request says of them; without a model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest

from ig_assets.adapters.local_models import writer as local_writer
from ig_assets.adapters.local_models.serving import server
from ig_assets.adapters.local_models.serving.server import MOST_ADAPTERS, ServerAddress
from ig_assets.adapters.local_models.serving.server_record import ServerRecord, identify
from ig_assets.adapters.local_models.writer import LocalWriter
from ig_assets.core.generation.writing.schema import ScriptAnswer
from ig_assets.core.ports import WriteRequest
from ig_assets_tests.stand_ins.openai_server import OpenAIStandIn

REQUEST = WriteRequest("You write.", "Topic: salt", ScriptAnswer, 400, 0.0, 7)


def file(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_bytes(name.encode())
    return path


def record(model: Path, *adapters: Path) -> ServerRecord:
    of = identify(model)
    return ServerRecord(
        1,
        0.0,
        1,
        "key",
        of.path,
        of.size,
        of.mtime_ns,
        of.ctime_ns,
        of.inode,
        threads=1,
        adapters=[asdict(identify(adapter)) for adapter in adapters],
    )


def test_a_server_with_more_adapters_serves_and_one_without_or_with_a_gone_one_not(
    tmp_path: Path,
) -> None:
    model, one, two = (file(tmp_path, name) for name in ("base", "one", "two"))
    both = record(model, one, two)
    assert both.serves(identify(model), 1)
    assert both.serves(identify(model), 1, [identify(two)])
    assert not record(model, one).serves(identify(model), 1, [identify(two)])
    one.unlink()
    assert not both.serves(identify(model), 1, [identify(two)]), "it was forgotten"


def test_a_new_server_keeps_the_adapters_of_the_one_before_it(tmp_path: Path) -> None:
    model, other = file(tmp_path, "base"), file(tmp_path, "other base")
    files = [identify(file(tmp_path, f"a{n}")) for n in range(MOST_ADAPTERS + 1)]
    paths = [Path(one.path) for one in files]
    wanted, earlier = files[:1], record(model, *paths[1:])
    kept = server._with_earlier(wanted, earlier, identify(model))
    assert kept == [*files[2:], *wanted], "the oldest goes where there are too many"
    assert server._with_earlier(wanted, earlier, identify(other)) == wanted
    assert server._with_earlier(wanted, None, identify(model)) == wanted


def test_every_request_names_every_adapter_with_its_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, one, two = (file(tmp_path, name) for name in ("base", "one", "two"))
    asked: list[object] = []
    with OpenAIStandIn() as stand_in:

        def ensure(*_: object, adapters: tuple[Path, ...], **__: object) -> object:
            asked.append(adapters)
            return ServerAddress(stand_in.base_url, "key", (str(one), str(two)))

        monkeypatch.setattr(local_writer, "ensure_server", ensure)
        base = LocalWriter(tmp_path, lambda: model, "base", "base@1")
        tuned = LocalWriter(
            tmp_path, lambda: model, "lora/base+2", "base@1+2", adapter_file=lambda: two
        )
        for writer in (base, tuned, base):
            writer.write(REQUEST)
        scales = [[a["scale"] for a in sent["lora"]] for sent in stand_in.bodies()]
        ids = [[a["id"] for a in sent["lora"]] for sent in stand_in.bodies()]
    assert asked == [(), (two,), ()]
    assert scales == [[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    assert ids == [[0, 1]] * 3
