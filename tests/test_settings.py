"""Settings: where values come from, what is lawful, and what is said about what is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import get_args

import pytest

from vultus.compat import PRODUCTS
from vultus.errors import SettingsError
from vultus.settings import GROUPS, Settings, load_settings, misspelt_variables, served, variable_of

pytestmark = pytest.mark.unit


def test_every_setting_is_in_one_group_and_explained() -> None:
    grouped = [name for group in GROUPS for name in group.model_fields]
    assert sorted(grouped) == sorted(Settings.model_fields)
    assert all((field.description or "").endswith((".", "!")) for field in Settings.model_fields.values())


def test_defaults_serve_on_loopback_and_fetch_nothing_for_clients() -> None:
    settings = load_settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 18081)
    assert (settings.pack, settings.runtime, settings.precision) == ("small", "auto", "f32")
    assert settings.image_root is None
    assert not settings.fetch_urls
    assert not settings.fetch_private
    assert (settings.max_picture_bytes, settings.max_picture_pixels) == (20 * 1024 * 1024, 50_000_000)


def test_environment_overrides_default_and_argument_overrides_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_CANVAS", "320")
    assert load_settings().canvas == 320
    assert load_settings(canvas=None).canvas == 320
    assert load_settings(canvas="448").canvas == 448


def test_an_empty_variable_counts_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(variable_of(name), "")
    with_empty = load_settings()
    monkeypatch.undo()
    assert with_empty == load_settings()


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("canvas", "100", "multiple of 32"),
        ("canvas", "32", "greater than or equal to 64"),
        ("threshold", "1", "less than 1"),
        ("threshold", "nan", "less than 1"),
        ("request_timeout", "inf", "finite"),
        ("port", "65536", "65535"),
        ("port", "tcp://10.0.0.1:18081", "valid integer"),
        ("runtime", "tensorflow", "'auto', 'openvino', 'onnx', 'triton' or 'dummy'"),
        ("max_picture_bytes", "0", "greater than or equal to 1"),
        ("max_picture_bytes", "plenty", "byte"),
        ("offline", "perhaps", "boolean"),
        ("fetch_schemes", "http,ftp", "http, https or both"),
        ("fetch_schemes", "none", "http, https or both"),
        ("fetch_hosts", "example.org,https://example.com", "https://example.com: not the name"),
        ("fetch_hosts", "*", "not the name"),
        ("fetch_hosts", "a.*.org", "not the name"),
        ("fetch_hosts", "cafe:80", "not the name"),
        ("image_root", "/no/such/folder", "no such folder"),
        ("keys_file", "/no/such/file", "no such file"),
        ("keyless", "v1,klingon", "scopes are v1, "),
        ("open_paths", "/live,docs", "docs: a path begins with /"),
        ("open_paths", "/*/live", "only stand at its end"),
        ("cors_origins", "https://example.org/", "https://example.org/: an origin is scheme and host"),
        ("cors_origins", "example.org", "an origin is scheme and host"),
        ("cors_origins", "https://*.example.org", "an origin is scheme and host"),
        ("cors_cookies", "true", "has to name origins"),
    ],
)
def test_a_bad_value_is_named_with_the_variable_it_came_from(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv(variable_of(name), value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    message = caught.value.message
    assert name in message
    assert complaint in message
    assert f"(got '{value}' from {variable_of(name)})" in message


def test_a_bad_argument_is_not_blamed_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_CANVAS", "320")
    with pytest.raises(SettingsError) as caught:
        load_settings(canvas=7)
    assert "got 7" in caught.value.message
    assert "VULTUS_CANVAS" not in caught.value.message


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(canvas=7, port=-1)
    assert "canvas" in caught.value.message
    assert "port" in caught.value.message


def test_an_unknown_setting_is_refused_with_a_hint() -> None:
    with pytest.raises(SettingsError, match=r"cannvas: there is no such setting; did you mean canvas\?"):
        load_settings(cannvas=640)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1024", 1024), ("20MiB", 20 * 2**20), ("20 MiB", 20 * 2**20), ("500kB", 500_000), ("1.5KiB", 1536)],
)
def test_sizes_carry_units(monkeypatch: pytest.MonkeyPatch, text: str, expected: int) -> None:
    monkeypatch.setenv("VULTUS_MAX_PICTURE_BYTES", text)
    assert load_settings().max_picture_bytes == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a,b", ("a", "b")),
        (" a , b ,", ("a", "b")),
        (["a,b", "c"], ("a", "b", "c")),
        (("a",), ("a",)),
        ("none", ()),
        (["none"], ()),
        ("", ()),
    ],
)
def test_lists_of_names_are_separated_by_commas(value: object, expected: tuple[str, ...]) -> None:
    assert load_settings(dialects=value).dialects == expected


def test_hosts_and_schemes_are_lower_case_without_a_last_dot() -> None:
    settings = load_settings(fetch_hosts="Example.ORG., *.Example.com,192.0.2.7, 2001:DB8::1", fetch_schemes="HTTPS")
    assert settings.fetch_hosts == ("example.org", "*.example.com", "192.0.2.7", "2001:db8::1")
    assert settings.fetch_schemes == ("https",)
    assert load_settings().fetch_hosts == load_settings(fetch_hosts="none").fetch_hosts == ()


def test_lists_of_paths_are_separated_as_in_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_MODEL_PATH", os.pathsep.join(["one", "two"]))
    assert load_settings().model_path == (Path("one"), Path("two"))
    assert load_settings(model_path=[f"a{os.pathsep}b", "c"]).model_path == (Path("a"), Path("b"), Path("c"))


def test_a_path_object_is_taken_whole() -> None:
    odd = Path(f"with{os.pathsep}separator")
    assert load_settings(models=odd).models == (odd,)
    assert load_settings(models=(odd,)).models == (odd,)


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load_settings(model_cache="~/cache", models="~/mine.toml")
    assert settings.model_cache == tmp_path / "cache"
    assert settings.models == (tmp_path / "mine.toml",)


def test_a_tilde_of_nobody_is_refused() -> None:
    with pytest.raises(SettingsError, match="model_cache"):
        load_settings(model_cache="~nobody-of-this-name/cache")


def test_the_cache_follows_the_desktop_standard(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert load_settings().model_cache == tmp_path / ".cache" / "vultus" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert load_settings().model_cache == tmp_path / "xdg" / "vultus" / "models"


def test_a_user_without_a_home_folder_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(SettingsError, match="model_cache"):
        load_settings()


def test_image_root_may_be_any_folder_that_exists(tmp_path: Path) -> None:
    assert load_settings(image_root=tmp_path).image_root == tmp_path


def test_misspelt_variables_are_told_and_strangers_left_alone() -> None:
    environment = {
        "VULTUS_CAVNAS": "640",
        "VULTUS_CANVAS": "640",
        "VULTUS_SERVICE_HOST": "10.0.0.1",
        "VULTUS_PORT_18081_TCP_PROTO": "tcp",
        "PATH": "/bin",
    }
    assert misspelt_variables(environment) == ("VULTUS_CAVNAS is no setting; did you mean VULTUS_CANVAS?",)


def test_a_service_to_stand_in_for_is_none_by_default_and_one_of_four() -> None:
    assert load_settings().compat is None
    assert load_settings(compat="arcface-api").compat == "arcface-api"
    with pytest.raises(SettingsError, match="'insightface-rest', 'compreface', 'arcface-api' or 'face-triton'"):
        load_settings(compat="vultus")


def test_each_service_to_stand_in_for_has_a_table() -> None:
    kinds = Settings.model_fields["compat"].annotation
    assert set(PRODUCTS) == set(get_args(get_args(kinds)[0]))


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().canvas = 320


def test_keys_are_shown_neither_in_errors_nor_in_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "vultus_put-in-the-wrong-place"
    for value in (secret, f"a:v1:{secret}"):
        monkeypatch.setenv("VULTUS_KEYS", value)
        for given in ({}, {"keys": value}):
            with pytest.raises(SettingsError, match=r"keys: entry 1: .* as `vultus keys` writes it") as caught:
                load_settings(**given)
            assert secret not in caught.value.message
    entry = f"a:v1:{'0' * 64}"
    settings = load_settings(keys=entry)
    assert settings.keys == (entry,)
    assert "0" * 64 not in repr(settings)
    assert "0" * 64 not in str(settings)


def test_lists_of_access_are_read_as_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VULTUS_KEYS", f"a:v1+metrics:{'A' * 64}, b:*:{'1' * 64}:requests=5")
    monkeypatch.setenv("VULTUS_KEYLESS", "compreface, metrics")
    monkeypatch.setenv("VULTUS_OPEN_PATHS", "none")
    monkeypatch.setenv("VULTUS_CORS_ORIGINS", "HTTPS://App.example.org,http://localhost:3000")
    monkeypatch.setenv("VULTUS_CORS_COOKIES", "true")
    settings = load_settings()
    assert settings.keys == (f"a:metrics+v1:{'a' * 64}", f"b:*:{'1' * 64}:requests=5/5")
    assert (settings.keyless, settings.open_paths) == (("compreface", "metrics"), ())
    assert settings.cors_origins == ("https://app.example.org", "http://localhost:3000")


def test_a_server_leaves_idle_cores_to_others_unless_told_otherwise() -> None:
    settings = load_settings(canvas=320)
    assert settings.all_cores is None
    assert served(settings) == load_settings(canvas=320, all_cores=False)
    assert served(load_settings(all_cores=True)).all_cores is True
