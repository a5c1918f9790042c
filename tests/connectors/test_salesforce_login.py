"""Every way to log in, over loopback against the sandbox's token endpoint, and what is refused."""

import json
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest
import responses
from cryptography.hazmat.primitives import serialization
from pydantic import SecretStr

from crm_kare.errors import AccessError, ConfigError, RetryError
from crm_kare.ports import Context
from crm_kare.sandbox.faults import DROP, Fault
from crm_kare.testing.clock import FakeClock
from crm_kare_salesforce import connector as connect


@pytest.fixture
def org(salesforce: Any) -> Any:
    return salesforce


def context(folder: Path, **credentials: str) -> Context:
    secret = {f"SALESFORCE_{name}": SecretStr(value) for name, value in credentials.items()}
    return Context("org", secret, FakeClock(), folder, folder / "state")


def name_of(org: Any, **credentials: str) -> str:
    told = {f"SALESFORCE_{name}": value for name, value in credentials.items()}
    return str(org.connected(told).organisation().name)


def test_an_access_token_is_taken_as_it_is(org: Any) -> None:
    token = org.org.log_in(org.org.integration_user)
    assert name_of(org, INSTANCE_URL=f"{org.running.url}/", ACCESS_TOKEN=token) == "Sandbox Supplies"
    assert org.running.faults.calls("/services/oauth2/*") == []


def test_client_credentials(org: Any) -> None:
    held = org.org.credentials
    given = {"LOGIN_URL": org.running.url, "CLIENT_ID": held.client_id, "CLIENT_SECRET": held.client_secret}
    assert name_of(org, **given) == "Sandbox Supplies"


@pytest.mark.parametrize("in_file", [True, False])
def test_jwt_bearer_with_a_key_in_a_file_or_in_the_environment(org: Any, tmp_path: Path, *, in_file: bool) -> None:
    pem = org.org.app_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "key.pem").write_bytes(pem)
    key = {"PRIVATE_KEY_FILE": "key.pem"} if in_file else {"PRIVATE_KEY": pem.decode().replace("\n", "\\n")}
    held = org.org.credentials
    given = {"LOGIN_URL": org.running.url, "CLIENT_ID": held.client_id, "USERNAME": held.username}
    assert name_of(org, **given, **key) == "Sandbox Supplies"


def test_a_key_that_is_none_is_a_config_error(org: Any) -> None:
    with pytest.raises(ConfigError, match="PRIVATE_KEY"):
        name_of(org, LOGIN_URL=org.running.url, CLIENT_ID="x", USERNAME="y", PRIVATE_KEY="no key")
    with pytest.raises(ConfigError, match="PRIVATE_KEY_FILE"):
        name_of(org, LOGIN_URL=org.running.url, CLIENT_ID="x", USERNAME="y", PRIVATE_KEY_FILE="nowhere.pem")


def refreshing(org: Any) -> dict[str, str]:
    held = org.org.credentials
    return {"LOGIN_URL": org.running.url, "CLIENT_ID": held.client_id, "REFRESH_TOKEN": "5Aep861sandbox-refresh"}


def test_a_rotated_refresh_token_is_kept_for_the_next_run(org: Any, tmp_path: Path) -> None:
    org.org.settings.rotate_refresh_tokens = True
    given = refreshing(org)
    assert name_of(org, **given) == "Sandbox Supplies"
    (kept,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert json.loads(kept.read_text())["token"] == org.org.credentials.refresh_token
    assert name_of(org, **given) == "Sandbox Supplies"


def test_a_new_refresh_token_in_the_settings_stands_before_the_kept_one(org: Any) -> None:
    org.org.settings.rotate_refresh_tokens = True
    given = refreshing(org)
    name_of(org, **given)
    org.org.credentials.refresh_token = "5Aep861-granted-anew"
    with pytest.raises(AccessError, match="invalid_grant"):
        name_of(org, **given)
    assert name_of(org, **{**given, "REFRESH_TOKEN": "5Aep861-granted-anew"}) == "Sandbox Supplies"


def test_a_refresh_whose_answer_was_lost_is_not_sent_again(org: Any) -> None:
    org.running.faults.order(Fault("/services/oauth2/token", kind=DROP, after=True, times=0))
    with pytest.raises(RetryError):
        name_of(org, **refreshing(org))
    assert len(org.running.faults.calls("/services/oauth2/token")) == 1


def test_the_password_grant_joins_password_and_security_token_and_is_discouraged(org: Any) -> None:
    held = org.org.credentials
    given = {
        "SALESFORCE_LOGIN_URL": org.running.url,
        "SALESFORCE_CLIENT_ID": held.client_id,
        "SALESFORCE_CLIENT_SECRET": held.client_secret,
        "SALESFORCE_USERNAME": held.username,
        "SALESFORCE_PASSWORD": held.password,
        "SALESFORCE_SECURITY_TOKEN": held.security_token,
    }
    (problem,) = [one for one in org.connected(given).check([], []) if one.code == "login-discouraged"]
    assert problem.level == "warning"


_SOAP = """<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns="urn:partner.soap.sforce.com"><soapenv:Body><loginResponse><result><serverUrl>
https://my.example.com/services/Soap/u/59.0/00D</serverUrl><sessionId>00Dsession</sessionId></result></loginResponse>
</soapenv:Body></soapenv:Envelope>""".replace("<serverUrl>\n", "<serverUrl>")

_FAULT = """<?xml version="1.0"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body><soapenv:Fault><detail><sf:LoginFault>
<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode><sf:exceptionMessage>Invalid username</sf:exceptionMessage>
</sf:LoginFault></detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"""

USER = {"USERNAME": "a@b.example", "PASSWORD": "p<&>", "SECURITY_TOKEN": "tok"}


@responses.activate
def test_without_an_app_the_soap_login_is_used(tmp_path: Path) -> None:
    login = responses.post("https://login.salesforce.com/services/Soap/u/59.0", body=_SOAP)
    query = responses.get("https://my.example.com/services/data/v62.0/query/", json=_ORGANISATION)
    assert connect(context(tmp_path, **USER)).organisation().name == "Acme"
    assert "<urn:password>p&lt;&amp;&gt;tok</urn:password>" in str(login.calls[0].request.body)
    assert query.calls[0].request.headers["Authorization"] == "Bearer 00Dsession"


@responses.activate
def test_a_soap_fault_is_an_access_error_without_the_reply(tmp_path: Path) -> None:
    responses.post("https://login.salesforce.com/services/Soap/u/59.0", body=_FAULT, status=500)
    with pytest.raises(AccessError, match="INVALID_LOGIN") as caught:
        connect(context(tmp_path, **USER)).organisation()
    assert "soapenv" not in str(caught.value)


_ORGANISATION = {"totalSize": 1, "done": True, "records": [{"Id": "00D000000000001EAA", "Name": "Acme"}]}


@responses.activate
def test_the_my_domain_of_a_sandbox_is_asserted_to_test_salesforce(tmp_path: Path, org: Any) -> None:
    pem = org.org.app_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    url = "https://acme--dev.sandbox.my.salesforce.com"
    token = responses.post(f"{url}/services/oauth2/token", json={"access_token": "t", "instance_url": url})
    responses.get(f"{url}/services/data/v62.0/query/", json=_ORGANISATION)
    given = {"LOGIN_URL": url, "CLIENT_ID": "id", "USERNAME": "u", "PRIVATE_KEY": pem.decode()}
    connect(context(tmp_path, **given)).organisation()
    assert audience_of(token) == "https://test.salesforce.com"


@responses.activate
def test_another_address_that_wants_salesforces_audience_gets_it(tmp_path: Path, org: Any) -> None:
    pem = org.org.app_key().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    url = "https://crm.acme.example"
    refusal = {"error": "invalid_grant", "error_description": "Audience validation failed"}
    responses.post(f"{url}/services/oauth2/token", status=400, json=refusal)
    token = responses.post(f"{url}/services/oauth2/token", json={"access_token": "t", "instance_url": url})
    responses.get(f"{url}/services/data/v62.0/query/", json=_ORGANISATION)
    given = {"LOGIN_URL": url, "CLIENT_ID": "id", "USERNAME": "u", "PRIVATE_KEY": pem.decode()}
    connect(context(tmp_path, **given)).organisation()
    assert audience_of(token) == "https://login.salesforce.com"


def audience_of(token: Any) -> str:
    """What the assertion of the token call says."""
    form = dict(part.split("=", 1) for part in str(token.calls[0].request.body).split("&"))
    return str(jwt.decode(form["assertion"], options={"verify_signature": False})["aud"])


def test_no_credentials_name_the_settings(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="SALESFORCE_ACCESS_TOKEN"):
        connect(context(tmp_path)).organisation()


@pytest.mark.parametrize("url", ["http://acme.my.salesforce.com", "acme.my.salesforce.com", "ftp://localhost"])
def test_plain_http_is_for_loopback_only(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match="SALESFORCE_INSTANCE_URL"):
        connect(context(tmp_path, INSTANCE_URL=url, ACCESS_TOKEN="t")).organisation()


def test_the_address_of_a_page_is_cut_to_the_org_and_that_of_lightning_is_refused(org: Any, tmp_path: Path) -> None:
    token = org.org.log_in(org.org.integration_user)
    given = {"INSTANCE_URL": f"{org.running.url}/lightning/page/home?x=1", "ACCESS_TOKEN": token}
    assert name_of(org, **given) == "Sandbox Supplies"
    pages = {**given, "INSTANCE_URL": "https://acme.lightning.force.com/lightning"}
    with pytest.raises(ConfigError, match=r"https://acme\.my\.salesforce\.com"):
        connect(context(tmp_path, **pages)).organisation()


def test_a_session_that_ends_in_mid_run_is_renewed_once_and_the_call_repeated(org: Any) -> None:
    connector = org.connector()
    connector.organisation()
    org.org.end_sessions()
    assert connector.organisation().name == "Sandbox Supplies"
    assert len(org.running.faults.calls("/services/oauth2/token")) == 2


def test_a_given_token_is_renewed_by_another_way_where_one_is_set(org: Any) -> None:
    held = org.org.credentials
    given = {"LOGIN_URL": org.running.url, "CLIENT_ID": held.client_id, "CLIENT_SECRET": held.client_secret}
    assert name_of(org, **given, INSTANCE_URL=org.running.url, ACCESS_TOKEN="gone") == "Sandbox Supplies"


def test_a_given_token_alone_cannot_be_renewed(org: Any) -> None:
    with pytest.raises(AccessError, match="INVALID_SESSION_ID") as caught:
        name_of(org, INSTANCE_URL=org.running.url, ACCESS_TOKEN="gone")
    assert "Renew the token" in caught.value.fix
    assert len(org.running.faults.calls()) == 1


def test_the_soap_login_against_the_sandbox(org: Any) -> None:
    held = org.org.credentials
    given = {"LOGIN_URL": org.running.url, "USERNAME": held.username, "PASSWORD": held.password}
    assert name_of(org, **given, SECURITY_TOKEN=held.security_token) == "Sandbox Supplies"
    with pytest.raises(AccessError, match="INVALID_LOGIN"):
        name_of(org, **given, SECURITY_TOKEN="wrong")
