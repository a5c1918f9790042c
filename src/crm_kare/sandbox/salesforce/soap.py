"""SOAP `login()`, as far as it goes: not from version 65 on, and only where the org still allows it."""

import re
from collections.abc import Mapping
from html import escape, unescape
from typing import Final

from starlette.responses import Response

from crm_kare.sandbox.salesforce.org import SalesforceOrg

FIRST_WITHOUT: Final = 65
"""The first version that has no login()."""

_PART: Final = re.compile(r"<(?:\w+:)?(username|password)>(.*?)</(?:\w+:)?\1>", re.DOTALL)
_ENVELOPE: Final = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns="urn:partner.soap.sforce.com" xmlns:sf="urn:fault.partner.soap.sforce.com"><soapenv:Body>{}</soapenv:Body>'
    "</soapenv:Envelope>"
)


def soap_login(org: SalesforceOrg, version: str, body: str, root: str) -> Response:
    """Session id and server address, or a SOAP fault with 500."""
    told = {name: unescape(value) for name, value in _PART.findall(body)}
    fault = _fault_of(org, version, told)
    if fault:
        return _answer(_fault(*fault), 500)
    user_id = org.integration_user
    address = f"{root}/services/Soap/u/{version}/{org.id[:15]}"
    return _answer(
        f"<loginResponse><result><passwordExpired>false</passwordExpired><serverUrl>{escape(address)}</serverUrl>"
        "<sandbox>true</sandbox>"
        f"<sessionId>{org.log_in(user_id)}</sessionId><userId>{user_id}</userId>"
        f"<userInfo>{_user_info(org, user_id)}</userInfo></result></loginResponse>",
        200,
    )


def _user_info(org: SalesforceOrg, user_id: str) -> str:
    """Who is logged in, as `LoginResult.userInfo` says it."""
    user = org.user(user_id)
    told = {
        "organizationId": org.id,
        "organizationName": org.organisation()["Name"],
        "sessionSecondsValid": int(org.settings.session_seconds),
        "userEmail": user["Email"],
        "userFullName": user["Name"],
        "userId": user_id,
        "userName": user["Username"],
        "userTimeZone": user["TimeZoneSidKey"],
    }
    return "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in told.items())


def _fault_of(org: SalesforceOrg, version: str, told: Mapping[str, str]) -> tuple[str, str] | None:
    """Code and message of what is wrong with a login."""
    right = (org.credentials.username, org.credentials.password + org.credentials.security_token)
    number = version.split(".", maxsplit=1)[0]
    if not number.isdigit() or int(number) >= FIRST_WITHOUT:
        return "UNSUPPORTED_API_VERSION", "login() is not available in this API version"
    if "soap" not in org.settings.login_flows:
        return "INVALID_OPERATION", "SOAP API login() is disabled by default in this org."
    if (told.get("username"), told.get("password")) != right:
        return "INVALID_LOGIN", "Invalid username, password, security token; or user locked out."
    return None


def _fault(code: str, message: str) -> str:
    return (
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode><faultstring>{code}: {message}</faultstring><detail>"
        f"<sf:LoginFault><sf:exceptionCode>{code}</sf:exceptionCode>"
        f"<sf:exceptionMessage>{message}</sf:exceptionMessage></sf:LoginFault></detail></soapenv:Fault>"
    )


def _answer(inside: str, status: int) -> Response:
    return Response(_ENVELOPE.format(inside), status, media_type="text/xml")
