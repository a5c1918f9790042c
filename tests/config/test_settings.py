"""Secrets and places: where they come from, what counts first, and that they are never shown or guessed."""

from pathlib import Path

import pytest

from crm_kare.config.settings import Settings, load_settings
from crm_kare.errors import ConfigError


def told(settings: Settings, connector: str, prefix: str = "") -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in settings.credentials(connector, prefix).items()}


def test_defaults_are_in_the_project(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings.database_url.get_secret_value() == f"sqlite:///{tmp_path.resolve()}/.crm-kare/state.db"
    assert settings.mirror == tmp_path / ".crm-kare" / "mirror"
    assert told(settings, "salesforce") == {}


def test_environment_before_dotenv_before_secrets_directory(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name, text in {"HUBSPOT_ACCESS_TOKEN": "file", "HUBSPOT_CLIENT_ID": "file\n", "..data": "x"}.items():
        (secrets / name).write_text(text)
    (tmp_path / ".env").write_text(
        "HUBSPOT_ACCESS_TOKEN=dotenv\nHUBSPOT_CLIENT_SECRET='a ${HOME}#c'\nCRM_KARE_SECRETS=secrets\n"
    )
    settings = load_settings(tmp_path, {"HUBSPOT_ACCESS_TOKEN": "environment", "HUBSPOT_API_URL": ""})
    assert told(settings, "hubspot") == {
        "HUBSPOT_ACCESS_TOKEN": "environment",
        "HUBSPOT_CLIENT_SECRET": "a ${HOME}#c",
        "HUBSPOT_CLIENT_ID": "file",
    }


def test_a_prefix_never_falls_back_to_the_login_of_another_crm(tmp_path: Path) -> None:
    environment = {"SALESFORCE_ACCESS_TOKEN": "one", "ACME_SALESFORCE_ACCESS_TOKEN": "two", "ACME_SALESFORCE_X": "y"}
    settings = load_settings(tmp_path, environment)
    assert told(settings, "salesforce") == {"SALESFORCE_ACCESS_TOKEN": "one"}
    assert told(settings, "salesforce", "ACME_") == {"SALESFORCE_ACCESS_TOKEN": "two", "SALESFORCE_X": "y"}
    assert told(settings, "salesforce", "OTHER_") == {}


def test_secrets_are_text_as_it_stands(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"SALESFORCE_PASSWORD": "007", "SALESFORCE_SECURITY_TOKEN": "true"})
    assert told(settings, "salesforce") == {"SALESFORCE_PASSWORD": "007", "SALESFORCE_SECURITY_TOKEN": "true"}


def test_a_key_may_be_named_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("-----BEGIN-----\nabc\n")
    settings = load_settings(tmp_path, {"ACME_SALESFORCE_PRIVATE_KEY_FILE": "key.pem"})
    assert told(settings, "salesforce", "ACME_") == {"SALESFORCE_PRIVATE_KEY": "-----BEGIN-----\nabc"}


def test_the_value_itself_counts_before_its_file(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"SALESFORCE_PRIVATE_KEY_FILE": "gone", "SALESFORCE_PRIVATE_KEY": "here"})
    assert told(settings, "salesforce") == {"SALESFORCE_PRIVATE_KEY": "here"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"SALESFORCE_PRIVATE_KEY_FILE": "gone.pem"})
    with pytest.raises(ConfigError, match=r"gone\.pem: the file cannot be read"):
        settings.credentials("salesforce")


def test_a_secrets_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the secrets directory is not there"):
        load_settings(tmp_path, {"CRM_KARE_SECRETS": "nowhere"})


def test_a_dotenv_in_a_wrong_encoding(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load_settings(tmp_path, {})


def test_places_can_be_moved(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {"CRM_KARE_DATABASE_URL": "postgresql://u:pw@h/d", "CRM_KARE_MIRROR": "/data/m"})
    assert settings.database_url.get_secret_value() == "postgresql://u:pw@h/d"
    assert settings.mirror == Path("/data/m")


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    settings = load_settings(
        tmp_path, {"HUBSPOT_ACCESS_TOKEN": "pat-1", "CRM_KARE_DATABASE_URL": "postgresql://u:pw@h/d"}
    )
    assert "pat-1" not in repr(settings)
    assert "pw@h" not in repr(settings)
    assert "pat-1" not in repr(settings.credentials("hubspot"))


def test_a_file_that_is_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=" + "x" * 200_000)
    with pytest.raises(ConfigError, match="too large"):
        load_settings(tmp_path, {})


def test_the_process_environment_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBSPOT_ACCESS_TOKEN", "of the process")
    monkeypatch.setenv("CRM_KARE_MIRROR", "/of/the/process")
    settings = load_settings(tmp_path, {})
    assert told(settings, "hubspot") == {}
    assert settings.mirror == tmp_path / ".crm-kare" / "mirror"


def _many(tmp_path: Path, name: str = "acme") -> tuple[Path, dict[str, str]]:
    folder = tmp_path / name
    folder.mkdir(exist_ok=True)
    return folder, {"CRM_KARE_PROJECTS": str(tmp_path)}


POSTGRESQL = "postgresql+psycopg://kare:pw@db/kare"


def test_a_project_among_many_is_given_the_database_with_a_schema_of_its_own_and_no_login(tmp_path: Path) -> None:
    folder, environment = _many(tmp_path)
    environment |= {
        "CRM_KARE_DATABASE_URL": POSTGRESQL,
        "HUBSPOT_ACCESS_TOKEN": "the installation's",
        "ACME_SALESFORCE_ACCESS_TOKEN": "the installation's",
        "CRM_KARE_MIRROR": "/mirrors",
        "CRM_KARE_DATABASE_SCHEMA": "all",
    }
    settings = load_settings(folder, environment)
    assert settings.database_url.get_secret_value() == POSTGRESQL
    assert settings.schema == "kare_acme"
    assert settings.mirror == Path("/mirrors/acme")
    assert told(settings, "hubspot") == told(settings, "salesforce", "ACME_") == {}
    other, _ = _many(tmp_path, "other")
    assert load_settings(other, environment).schema == "kare_other"


def test_a_project_among_many_has_its_own_dotenv_and_secrets_alone(tmp_path: Path) -> None:
    folder, environment = _many(tmp_path)
    other, _ = _many(tmp_path, "other")
    secrets = tmp_path / "secrets"
    (secrets / "acme").mkdir(parents=True)
    (secrets / "acme" / "HUBSPOT_CLIENT_ID").write_text("acme's")
    (secrets / "HUBSPOT_CLIENT_ID").write_text("the installation's")
    (secrets / "CRM_KARE_DATABASE_URL").write_text(f"{POSTGRESQL}\n")
    (folder / ".env").write_text("HUBSPOT_ACCESS_TOKEN=acme's\n")
    environment |= {"CRM_KARE_SECRETS": str(secrets), "HUBSPOT_ACCESS_TOKEN": "the installation's"}
    settings, others = load_settings(folder, environment), load_settings(other, environment)
    assert told(settings, "hubspot") == {"HUBSPOT_ACCESS_TOKEN": "acme's", "HUBSPOT_CLIENT_ID": "acme's"}
    assert told(others, "hubspot") == {}
    assert (settings.schema, others.schema) == ("kare_acme", "kare_other")


def test_a_project_among_many_may_have_a_database_of_its_own(tmp_path: Path) -> None:
    folder, environment = _many(tmp_path)
    environment["CRM_KARE_DATABASE_URL"] = POSTGRESQL
    (folder / ".env").write_text("CRM_KARE_DATABASE_URL=postgresql+psycopg://acme@db/acme\n")
    settings = load_settings(folder, environment)
    assert (settings.database_url.get_secret_value(), settings.schema) == ("postgresql+psycopg://acme@db/acme", "")
    (folder / ".env").write_text("CRM_KARE_DATABASE_SCHEMA=chosen\n")
    assert load_settings(folder, environment).schema == "chosen"


def test_many_projects_without_a_database_have_a_file_each_and_never_share_one(tmp_path: Path) -> None:
    folder, environment = _many(tmp_path)
    assert load_settings(folder, environment).database_url.get_secret_value().endswith("/acme/.crm-kare/state.db")
    environment["CRM_KARE_DATABASE_URL"] = "sqlite:////data/state.db"
    with pytest.raises(ConfigError, match="cannot share one SQLite file"):
        load_settings(folder, environment)


def test_a_project_elsewhere_is_not_among_the_many(tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    _, environment = _many(many)
    alone = tmp_path / "alone"
    alone.mkdir()
    environment["HUBSPOT_ACCESS_TOKEN"] = "from the environment"
    assert told(load_settings(alone, environment), "hubspot") == {"HUBSPOT_ACCESS_TOKEN": "from the environment"}


def test_a_schema_is_set_for_a_project_that_stands_alone_too(tmp_path: Path) -> None:
    environment = {"CRM_KARE_DATABASE_URL": POSTGRESQL, "CRM_KARE_DATABASE_SCHEMA": "crm"}
    assert load_settings(tmp_path, environment).schema == "crm"
    with pytest.raises(ConfigError, match="no name for a schema"):
        load_settings(tmp_path, environment | {"CRM_KARE_DATABASE_SCHEMA": 'x"; DROP'})
