"""Settings: nothing set works, a wrong value names itself, a secret stays one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import SecretStr

from ig_assets.errors import SettingsError
from ig_assets.settings import Settings, load_settings, variable_name
from ig_assets.wiring import make_social

ROOT = Path(__file__).resolve().parent.parent
KEY = "sk-test-settings-never-printed"

WRONG = {
    "IG_APPROVAL": ("maybe", "'auto' or 'manual'"),
    "IG_EMBEDDER": ("cohere", "'local' or 'openai'"),
    "IG_WRITER": ("LOCAL", "'local' or 'openai'"),
    "IG_INDEX": ("pine", "'faiss' or 'pinecone'"),
    "IG_PINECONE_INDEX": ("Big_Index", "lower-case letters"),
    "IG_PINECONE_CLOUD": ("basement", "'aws', 'gcp' or 'azure'"),
    "IG_SOCIAL": ("tiktok", "'simulated', 'instagram' or 'replay'"),
    "IG_RANKER": ("on", "'choose'"),
    "IG_HOOKS_PER_TOPIC": ("3", "4"),
    "IG_TAINTED_ACTIVE": ("ignore", "'rollback' or 'keep'"),
    "IG_OWNERS": ("content", "separated by commas"),
    "IG_CODE_URL": ("git@example.com", "http:// or https://"),
    "IG_CLOCK": ("sundial", "'auto', 'system' or 'simulated'"),
    "IG_LOCAL_MODEL": ("7b", "'1.5b', '0.5b' or 'file'"),
    "IG_LOCAL_THREADS": ("0", "a whole number from 1 to 64"),
    "IG_LOCAL_SERVERS": ("0", "a whole number from 1 to 16"),
    "IG_LOCAL_IDLE_S": ("1", "a whole number of at least 10"),
    "IG_OPENAI_EMBEDDING_DIMENSIONS": ("9999", "a whole number from 1 to 3072"),
    "IG_FIRST_MONTH": ("2026-13", "YYYY-MM"),
    "IG_TOPICS_PER_MONTH": ("0", "a whole number of at least 1"),
    "IG_ARMS": ("4", "a whole number from 2 to 3"),
    "IG_RETRIEVED_SCRIPTS": ("-1", "a whole number from 0 to 20"),
    "IG_LEAST_RELEVANCE": ("30", "a number from 0 to 1"),
    "IG_SEED": ("lucky", "a whole number"),
    "IG_TEMPERATURE": ("2.5", "a number from 0 to 2"),
    "IG_CANARY_DAYS": ("0", "a whole number of at least 1"),
    "IG_CANARY_SHARE": ("34", "a number from 0 to 1"),
    "IG_CONTROL_SHARE": ("-0.1", "a number from 0 to 1"),
    "IG_AA_SHARE": ("1.5", "a number from 0 to 1"),
    "IG_SIGMA": ("wide", "a number from 0 to 2"),
    "IG_PROVISIONAL_LIFT": ("-1", "a number of at least 0"),
    "IG_NOVELTY_FLOOR": ("2", "a number from 0 to 1"),
    "IG_REGENERATIONS": ("6", "a whole number from 0 to 5"),
    "IG_EVALUATION_TOPICS": ("101", "a whole number from 1 to 100"),
    "IG_RECENCY_HALF_LIFE_MONTHS": ("0", "a number of at least 0.1"),
    "IG_TRAIN_METHOD": ("rlhf", "'sft' or 'dpo'"),
    "IG_FEW_SHOT_EXAMPLES": ("21", "a whole number from 1 to 20"),
    "IG_MAX_IN_FLIGHT": ("0", "a whole number from 1 to 256"),
    "IG_EMBED_BATCH": ("2049", "a whole number from 1 to 2048"),
    "IG_BATCH": ("perhaps", "boolean"),
    "IG_BUDGET_USD": ("-5", "a number of at least 0"),
    "IG_KEEP_DAYS": ("0", "a whole number from 1 to 36500"),
    "IG_KEEP_BACKUPS": ("0", "a whole number of at least 1"),
    "IG_MAINTENANCE_AT": ("2 am", "a time of the day, UTC, written as HH:MM"),
    "IG_EXECUTOR": ("kubernetes", "'in_process', 'multiprocess', 'k8s' or 'celery'"),
    "IG_DATADOG": ("8125", "the Agent's host:port"),
    "IG_ALERT_EMAIL": ("ana at example.org", "e-mail addresses, separated by"),
    "IG_ALERT_FROM": ("ana", "an e-mail address"),
    "IG_SMTP": ("mail", "the mail server's host:port"),
    "IG_SMTP_TLS": ("ssl3", "'starttls', 'tls' or 'none'"),
    "IG_UI_URL": ("dagster.example", "http:// or https://"),
    "IG_LOG_FORMAT": ("xml", "'text' or 'json'"),
    "IG_LOG_LEVEL": ("loud", "'debug', 'info', 'warning' or 'error'"),
    "IG_PUBLISH": ("perhaps", "boolean"),
    "IG_INSTAGRAM_ACCOUNT": ("@ana", "the account's number"),
    "IG_AD_ACCOUNT": ("act_12345678", "the ad account's number, without act_"),
    "IG_BUSINESS": ("Rita Ltd", "the business's number"),
    "IG_FACEBOOK_PAGE": ("ritas.kitchen", "the page's number"),
    "IG_SPLIT_MAX_BUDGET": ("-1", "a number of at least 0"),
    "IG_TRAIN_ON_ADS": ("perhaps", "boolean"),
    "OPENAI_BASE_URL": ("api.openai.com", "http"),
}


def takes_any_text(field: Any) -> bool:
    """Whether a setting is a free text, a path or a secret."""
    kinds = [k for k in get_args(field.annotation) or (field.annotation,)]
    free = all(kind in (str, Path, SecretStr, type(None)) for kind in kinds)
    return free and not field.metadata


def test_with_nothing_set_everything_is_embedded() -> None:
    settings = load_settings()
    assert (settings.embedder, settings.writer) == ("local", "local")
    assert (settings.index, settings.social) == ("faiss", "simulated")
    assert settings.trainers == ("few_shot",) and settings.executor == "in_process"
    assert settings.openai_api_key is None and settings.budget_usd is None
    assert settings.warehouse_location.startswith("duckdb:///")
    assert settings.warehouse_location.endswith("data/warehouse.duckdb")
    assert settings.uses_simulated_clock


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_names_its_variable_the_value_and_what_is_allowed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, allowed = WRONG[name]
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    sentence = str(caught.value)
    assert sentence.startswith(name) and allowed in sentence
    assert "remove it" in sentence and "\n" not in sentence
    if name != "OPENAI_BASE_URL":
        assert repr(value) in sentence


@pytest.mark.parametrize("name", ["IG_SMTP", "IG_DATADOG"])
@pytest.mark.parametrize("port", ["0", "65536", "99999", "-1", ""])
def test_a_port_that_is_none_is_refused(
    name: str, port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, f"127.0.0.1:{port}")
    with pytest.raises(SettingsError, match=f"^{name} is .* a port from 1 to 65535"):
        load_settings()
    for good in ("1", "25", "8125", "65535"):
        monkeypatch.setenv(name, f"127.0.0.1:{good}")
        assert f"127.0.0.1:{good}" in (load_settings().smtp, load_settings().datadog)


@pytest.mark.parametrize(
    "name",
    [
        *("IG_ALERT_WEBHOOK", "OPENAI_BASE_URL", "IG_INSTAGRAM_URL"),
        *("IG_UI_URL", "IG_CODE_URL"),
    ],
)
@pytest.mark.parametrize(
    "value",
    ["never-a-url", "http://", "https:///never", "ftp://x/never", "http://:80/never"],
)
def test_an_address_without_scheme_or_host_is_refused(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=f"^{name} is .*http:// or https://") as no:
        load_settings()
    if name not in ("IG_UI_URL", "IG_CODE_URL"):
        assert "never" not in str(no.value)


@pytest.mark.parametrize("key", ["for-tests-key\n", "for-tests-für", "for tests"])
def test_a_key_that_no_request_can_carry_is_refused_and_not_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(SettingsError, match="OPENAI_API_KEY") as refused:
        load_settings()
    assert key not in str(refused.value)
    assert "a space, a line break or a letter outside of ASCII" in str(refused.value)


@pytest.mark.parametrize("port", ["0", "99999", "x"])
def test_a_webhook_with_a_port_that_is_none_is_refused(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_ALERT_WEBHOOK", f"https://hooks.example.org:{port}/never")
    with pytest.raises(SettingsError, match="IG_ALERT_WEBHOOK is wrong") as refused:
        load_settings()
    assert "/never" not in str(refused.value)
    monkeypatch.setenv("IG_ALERT_WEBHOOK", "https://hooks.example.org:8443/never")
    assert load_settings().alert_webhook is not None


def test_every_setting_that_can_be_wrong_is_tried_above() -> None:
    limited = {
        variable_name(name)
        for name, field in Settings.model_fields.items()
        if not takes_any_text(field)
    }
    assert limited == set(WRONG) - {"OPENAI_BASE_URL"}


def test_several_wrong_values_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IG_ARMS", "9")
    monkeypatch.setenv("IG_SEED", "lucky")
    with pytest.raises(SettingsError, match="IG_ARMS.*IG_SEED"):
        load_settings()


def test_a_misspelt_setting_is_told_with_what_was_meant(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IG_BUGDET_USD", "5")
    with pytest.raises(
        SettingsError, match="IG_BUGDET_USD.*did you mean IG_BUDGET_USD"
    ):
        load_settings()


def test_batches_need_a_vendor_that_takes_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IG_BATCH", "1")
    with pytest.raises(SettingsError, match="IG_BATCH=1 needs IG_EMBEDDER=openai"):
        load_settings()
    monkeypatch.setenv("IG_EMBEDDER", "openai")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert load_settings().batch


def test_a_replay_needs_the_recording_and_columns_that_are_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IG_SOCIAL", "replay")
    with pytest.raises(SettingsError, match="IG_SOCIAL=replay needs IG_REPLAY_FILE"):
        load_settings()
    monkeypatch.setenv("IG_REPLAY_FILE", "recorded.csv")
    settings = load_settings()
    assert make_social(settings).platform == "replay"
    assert not settings.uses_simulated_clock
    monkeypatch.setenv("IG_REPLAY_COLUMNS", "plays=views")
    with pytest.raises(SettingsError, match="IG_REPLAY_COLUMNS.*not OURS=COLUMN"):
        load_settings()


def test_instagram_needs_its_account_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IG_SOCIAL", "instagram")
    for name, value in (
        ("IG_INSTAGRAM_ACCOUNT", "17841400000000000"),
        ("IG_INSTAGRAM_TOKEN", KEY),
        ("IG_META_APP_SECRET", KEY),
    ):
        with pytest.raises(SettingsError, match=f"IG_SOCIAL=instagram needs {name}"):
            load_settings()
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert KEY not in repr(settings) and not settings.uses_simulated_clock
    assert not settings.publishes and not settings.approves_automatically
    assert load_settings(publish=True).publishes
    monkeypatch.setenv("IG_INSTAGRAM_URL", "graph.example.org")
    with pytest.raises(
        SettingsError, match="IG_INSTAGRAM_URL is wrong: it must be a URL"
    ):
        load_settings()


def test_publishing_for_real_needs_a_real_platform(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IG_PUBLISH", "1")
    with pytest.raises(SettingsError, match="IG_PUBLISH=1 needs IG_SOCIAL=instagram"):
        load_settings()


@pytest.mark.parametrize("port", ["IG_WRITER", "IG_EMBEDDER"])
def test_openai_needs_its_key_and_says_which_setting_asked_for_it(
    port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(port, "openai")
    with pytest.raises(SettingsError, match=f"{port}=openai needs OPENAI_API_KEY"):
        load_settings()
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    key = load_settings().openai_api_key
    assert key is not None and key.get_secret_value() == KEY


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("magic", "'magic' is no trainer; there are openai, together, fireworks"),
        ("few_shot, magic", "'magic' is no trainer"),
        (",", "',' is no trainer"),
        ("few_shot,few_shot", "a trainer is listed twice"),
        ("openai,few_shot", "needs OPENAI_API_KEY"),
        ("fireworks", "needs FIREWORKS_API_KEY"),
    ],
)
def test_a_wrong_list_of_trainers_says_which_of_them(
    value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IG_TRAINER", value)
    with pytest.raises(SettingsError, match=f"IG_TRAINER.*{says}"):
        load_settings()


def test_the_ranker_among_the_trainers_is_fitted_beside_what_trains_the_writer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IG_TRAINER", "ranker, few_shot")
    settings = load_settings()
    assert settings.trainers == ("few_shot",) and settings.fits_ranker
    monkeypatch.setenv("IG_TRAINER", "ranker")
    with pytest.raises(SettingsError, match="IG_TRAINER=ranker,few_shot"):
        load_settings()


def test_trainers_are_tried_in_the_order_of_their_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("IG_TRAINER", " openai ,few_shot,")
    assert load_settings().trainers == ("openai", "few_shot")


def test_an_empty_value_is_as_good_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IG_ARMS", "IG_BUDGET_USD", "OPENAI_API_KEY", "IG_WAREHOUSE_URL"):
        monkeypatch.setenv(name, "")
    settings = load_settings()
    assert (settings.arms, settings.budget_usd) == (2, None)
    assert settings.openai_api_key is None


def test_secrets_are_in_no_text_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("IG_WAREHOUSE_URL", f"postgres:host=db password={KEY}")
    settings = load_settings()
    assert KEY in settings.warehouse_location
    for text in (repr(settings), str(settings), f"{settings}"):
        assert KEY not in text


def test_a_secret_is_not_shown_where_another_value_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"ftp://user:{KEY}@host")
    monkeypatch.setenv("IG_WAREHOUSE_URL", f"postgres:password={KEY}")
    for name, value in (("OPENAI_BASE_URL", "ftp://x"), ("IG_ARMS", "9")):
        monkeypatch.setenv(name, value)
        with pytest.raises(SettingsError) as caught:
            load_settings()
        assert KEY not in str(caught.value)
        assert (
            caught.value.__cause__ is None
            and caught.value.__suppress_context__
            or (caught.value.__context__ is None)
        )


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `.env` in the working folder, as a person has it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    return tmp_path / ".env"


def test_the_env_file_is_read_and_the_environment_wins(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("IG_ARMS=3\nIG_SEED=11\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("IG_SEED", "12")
    settings = load_settings()
    assert (settings.arms, settings.seed) == (3, 12)
    assert load_settings(arms=2).arms == 2


def test_a_change_of_the_file_or_of_a_variable_is_seen_at_once(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("IG_SEED=11\n")
    first = load_settings()
    assert load_settings() is first  # read once
    env_file.write_text("IG_SEED=12\n")
    assert (first.seed, load_settings().seed) == (11, 12)
    monkeypatch.setenv("IG_SEED", "13")
    assert load_settings().seed == 13


@pytest.mark.parametrize("line", ["IG_ARMS=9", "IG_AMRS=2"])
def test_a_wrong_line_of_the_env_file_is_told_like_any_other(
    env_file: Path, line: str
) -> None:
    env_file.write_text(line)
    with pytest.raises(SettingsError, match=line.split("=")[0]):
        load_settings()


def test_a_home_folder_is_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/rita")
    monkeypatch.setenv("IG_DATA_DIR", "~/reels")
    settings = load_settings()
    assert settings.data_dir == Path("/home/rita/reels")
    assert settings.warehouse_location == "duckdb:////home/rita/reels/warehouse.duckdb"


@pytest.mark.parametrize(
    "name",
    "BACKUPS BANNED_WORDS CALENDAR DATA_DIR MODEL_CACHE MODEL_PATH REPLAY_FILE".split(),
)
def test_the_home_of_a_user_who_is_not_there_is_a_sentence(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"IG_{name}", "~no-such-user-0/x")  # found by `make fuzz` as ~0
    with pytest.raises(SettingsError, match=f"IG_{name} is wrong: ~no-such-user-0/x"):
        load_settings()


@pytest.mark.parametrize(
    ("clock", "simulated"), [("auto", True), ("system", False), ("simulated", True)]
)
def test_the_clock_is_simulated_only_where_it_should_be(
    clock: str, simulated: bool
) -> None:
    assert load_settings(clock=clock).uses_simulated_clock is simulated


def example_lines() -> list[str]:
    return (ROOT / ".env.example").read_text("utf-8").splitlines()


def test_the_example_explains_every_setting_and_no_other() -> None:
    listed = re.findall(r"^#?([A-Z][A-Z_]+)=", "\n".join(example_lines()), re.M)
    assert sorted(listed) == sorted(map(variable_name, Settings.model_fields))


def test_the_example_as_it_is_changes_nothing() -> None:
    assert example_lines()
    assert all(line == "" or line.startswith("#") for line in example_lines())


def test_the_example_shows_values_that_are_allowed(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [line[1:] for line in example_lines() if re.match(r"#[A-Z_]+=", line)]
    env_file.write_text("\n".join(values))
    settings = load_settings()
    choices = {
        name: field.default
        for name, field in Settings.model_fields.items()
        if get_origin(field.annotation) is Literal
    }
    assert {"writer", "embedder", "index", "social"} <= choices.keys()
    for name, default in choices.items():
        assert getattr(settings, name) == default, "shows the default"
