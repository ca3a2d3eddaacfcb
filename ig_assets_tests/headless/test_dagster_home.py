"""A data folder's Dagster home is its own: it can be copied, and edits stay in it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ig_assets.errors import InputError
from ig_assets.headless.dagster_home import ensure_dagster_home
from ig_assets.headless.doctor.automation import automation_findings
from ig_assets.headless.switched_on import switched_on
from ig_assets.settings import load_settings
from ig_assets.workspace import WORKSPACE

CONFIG = WORKSPACE / "dagster.yaml"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder; DAGSTER_HOME is unset before and after each test."""
    monkeypatch.setenv("DAGSTER_HOME", "")
    return tmp_path / "data"


def home_of(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DAGSTER_HOME", "")
    return ensure_dagster_home(load_settings(data_dir=data_dir))


def test_the_configuration_is_a_copy_that_says_where_it_comes_from(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home_of(data_dir, monkeypatch) / "dagster.yaml"
    assert not file.is_symlink()
    first, rest = file.read_text().split("\n", 1)
    assert first.startswith("# A copy of the workspace's dagster.yaml")
    assert rest == CONFIG.read_text()


def test_a_link_of_an_older_version_becomes_a_copy_and_leaves_the_project_alone(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project.yaml"
    project.write_text("telemetry: {enabled: true}\n")
    for target in (project, tmp_path / "gone.yaml"):
        link = data_dir / "dagster" / "dagster.yaml"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        home_of(data_dir, monkeypatch)
        assert not link.is_symlink() and link.read_text().endswith(CONFIG.read_text())
    assert project.read_text() == "telemetry: {enabled: true}\n"
    assert not (tmp_path / "gone.yaml").exists()


def test_an_old_copy_is_renewed_and_a_persons_own_is_left_alone(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home_of(data_dir, monkeypatch) / "dagster.yaml"
    whole = file.read_text()
    file.write_text(whole.splitlines(keepends=True)[0] + "nux: {enabled: false}\n")
    home_of(data_dir, monkeypatch)
    assert file.read_text() == whole
    file.write_text("nux: {enabled: true}\n")
    home_of(data_dir, monkeypatch)
    assert file.read_text() == "nux: {enabled: true}\n"
    assert [path.name for path in file.parent.iterdir()] == ["dagster.yaml"]


def test_a_copy_of_an_earlier_release_is_renewed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = home_of(data_dir, monkeypatch) / "dagster.yaml"
    whole = file.read_text()
    head = (
        "# A copy of the checkout's dagster.yaml; without this line it is left alone."
    )
    file.write_text(f"{head}\nnux: {{enabled: false}}\n")
    home_of(data_dir, monkeypatch)
    assert file.read_text() == whole


def test_a_home_that_is_chosen_is_left_alone(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "chosen"))
    with pytest.raises(InputError, match="of DAGSTER_HOME does not exist"):
        ensure_dagster_home(load_settings(data_dir=data_dir))
    (tmp_path / "chosen").mkdir()
    assert ensure_dagster_home(load_settings(data_dir=data_dir)) == tmp_path / "chosen"
    assert not data_dir.exists()


def test_a_data_folder_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written to .Not a directory."):
        home_of(tmp_path / "file", monkeypatch)


def test_a_server_s_folder_is_refused_in_one_sentence_without_its_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = WORKSPACE / "deploy" / "dagster.yaml"
    (tmp_path / "dagster.yaml").write_text(server.read_text())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    settings = load_settings(data_dir=tmp_path)
    for name in ("DB", "HOST", "PASSWORD", "USER"):
        monkeypatch.delenv(f"DAGSTER_PG_{name}", raising=False)
    monkeypatch.setenv("DAGSTER_PG_USER", "dagster")
    says = "reads DAGSTER_PG_DB, DAGSTER_PG_HOST, DAGSTER_PG_PASSWORD, not set here"
    with pytest.raises(InputError, match=says):
        ensure_dagster_home(settings)
    with pytest.raises(InputError, match=says):
        switched_on(settings)
    (finding,) = automation_findings(settings, datetime.now(UTC))
    assert says in finding.seen
    for name in ("DB", "HOST", "PASSWORD"):
        monkeypatch.setenv(f"DAGSTER_PG_{name}", "here")
    assert ensure_dagster_home(settings) == tmp_path
