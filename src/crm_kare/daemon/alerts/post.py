"""Sending a message to addresses, by Apprise. Only services that are reached by https or mail are let in.

Addresses are secrets: they are never logged, and shown by number and service alone. What Apprise logs would hold hosts, and
is heard by nobody.
"""

import logging
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from crm_kare.config.alerting import Severity
from crm_kare.daemon.alerts.words import Message
from crm_kare.errors import ConfigError

SERVICES: Final[Mapping[str, frozenset[str]]] = {
    group: frozenset(schemes.split())
    for group, schemes in {
        "mail": "mailto mailtos",
        "mail services": "mailgun sendgrid postmark brevo resend sparkpost smtp2go mailersend ses o365 azure",
        "chat": "slack workflow workflows discord gchat mmost mmosts rocket rockets webex wxteams matrix matrixs zulip zoom"
        " twist flock ryver guilded cliq dingtalk feishu lark wecombot synology synologys nctalk nctalks revolt",
        "messengers": "tgram threema whatsapp signal signals sns twilio vonage",
        "webhooks": "json jsons xml xmls form forms apprise apprises ifttt",
        "incidents": "pagerduty opsgenie squadcast incidentio betterstack splunk victorops pagertree signl4 ilert goalert"
        " goalerts firehydrant spike jira github",
        "push": "ntfy ntfys gotify gotifys pover pbul join prowl simplepush spush bark barks",
    }.items()
}
"""Schemes of addresses that are let in, by what they are. Left out are those that run programs, write to the desktop or the system's log, speak
other protocols, or read further addresses from a file.
"""

_KNOWN: Final = frozenset().union(*SERVICES.values())
_MAIL: Final = SERVICES["mail"]
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_LOCAL_FILES: Final = frozenset({"template", "keyfile", "subfile", "pgpkey", "file", "attach"})
"""Parameters by which a service would read a file of this machine."""

OWNER: Final = "{owner_email}"
"""Stands in an address for each owner's own, in those of the digest."""

_BETWEEN: Final = re.compile(r"\s*\n\s*|[,\s]+(?=[a-z0-9]{2,20}://)", re.IGNORECASE)
_PATIENCE: Final = 30.0
"""Seconds that one address has for one message."""


@dataclass(frozen=True)
class Address:
    """Where messages go. `shown` tells which one it is, and no secret."""

    number: int
    url: SecretStr

    @property
    def personal(self) -> bool:
        """Whether it stands for owners, each with an address of their own."""
        return OWNER in self.url.get_secret_value()

    def to(self, mail: str) -> "Address":
        """The address of one owner."""
        return Address(self.number, SecretStr(self.url.get_secret_value().replace(OWNER, quote(mail, safe=""))))

    @property
    def shown(self) -> str:
        """Its number among the setting's addresses, and its service."""
        return f"{self.number} ({_scheme(self.url.get_secret_value())}://…)"


def addresses(text: SecretStr | None, setting: str) -> tuple[Address, ...]:
    """The addresses in a setting, checked; separated by commas or lines.

    Raises:
        ConfigError: one is no address of a service that is let in; it is named by its number.
    """
    urls = [one.strip(", \n\t\r") for one in _BETWEEN.split(text.get_secret_value())] if text else []
    found = tuple(Address(number, SecretStr(url)) for number, url in enumerate(filter(None, urls), 1))
    for one in found:
        _check(one, setting)
    return found


def send(address: Address, message: Message) -> bool:
    """Whether the service took the message. Takes half a minute at most, and raises nothing of Apprise's own accord."""
    apprise = _apprise()
    kinds = {None: "success", Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
    target = apprise.Apprise(asset=_asset())
    if not target.add(address.url.get_secret_value()):
        return False
    return bool(
        target.notify(title=message.title, body=message.body, notify_type=kinds[message.severity], body_format="text")
    )


def send_page(address: Address, title: str, page: str, text: str) -> bool:
    """Whether the service took a page: mail gets the HTML, all others the text."""
    apprise = _apprise()
    target = apprise.Apprise(asset=_asset())
    url = address.url.get_secret_value()
    if not target.add(url):
        return False
    by_mail = _scheme(url) in _MAIL
    return bool(target.notify(title=title, body=page if by_mail else text, body_format="html" if by_mail else "text"))


def reached(where: Sequence[Address], message: Message) -> tuple[list[Address], list[Address]]:
    """Send to all: those that took it, and those that did not."""
    took = {one.number: send(one, message) for one in where}
    return [one for one in where if took[one.number]], [one for one in where if not took[one.number]]


def _check(address: Address, setting: str) -> None:
    url = address.to("owner@example.com").url.get_secret_value()
    scheme, host = _scheme(url), _host(address, url, setting)
    if scheme not in _KNOWN:
        raise _refused(address, setting, "is of no service that is let in", "docs/alerts.md lists those that are.")
    if _LOCAL_FILES & _parameters(url):
        raise _refused(address, setting, "would read a file of this machine", "Leave that parameter out.")
    plugin = _apprise().Apprise.instantiate(url, asset=_asset())
    if plugin is None:
        raise _refused(address, setting, "cannot be read", "Write it as https://appriseit.com/services/ has it.")
    plain = scheme in _schemes(plugin.protocol) and scheme not in _schemes(plugin.secure_protocol)
    if plain and scheme not in _MAIL and host not in _LOOPBACK:
        raise _refused(address, setting, "is not encrypted", f"Write {scheme}s:// in place of {scheme}://.")


def _host(address: Address, url: str, setting: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:  # what stands in brackets would have to be a number of IPv6
        raise _refused(address, setting, "cannot be read", "Write [ and ] as %5B and %5D.") from None


def _parameters(url: str) -> set[str]:
    """The names of an address's parameters as Apprise reads them: it parts them at `;` too, strips them, takes a sign off their front,
    and knows no fragment.
    """
    _, _, told = url.partition("?")
    names = (unquote(one.partition("=")[0]) for one in re.split("[&;?]", told))
    return {re.sub(r"^[\s+:-]+|[\s+:-]+$", "", name).lower() for name in names}


def _refused(address: Address, setting: str, told: str, fix: str) -> ConfigError:
    return ConfigError(f"address {address.shown} {told}.", where=setting, fix=fix)


def _scheme(url: str) -> str:
    scheme, between, _ = url.partition("://")
    return scheme.lower() if between and re.fullmatch(r"[a-zA-Z0-9]{2,20}", scheme) else "?"


def _schemes(told: Any) -> tuple[str, ...]:
    """One scheme, several, or none, as Apprise's plugins have it."""
    return (told,) if isinstance(told, str) else tuple(told or ())


@cache
def _asset() -> Any:
    """Nothing kept on disk, no redirect followed with our secrets to somewhere else, no thread of its own."""
    return _apprise().AppriseAsset(
        app_id="crm-kare",
        app_desc="crm-kare",
        storage_mode="memory",
        http_redirects=False,
        async_mode=False,
        service_timeout=_PATIENCE,
        result_log_disk_size=0,
    )


@cache
def _apprise() -> Any:
    logging.getLogger("apprise").addFilter(lambda _record: False)  # it would name hosts and quote messages
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of modules that leave Python's library; not ours to mend
        import apprise  # noqa: PLC0415  heavy, and needed only where an address is set

        apprise.Apprise.instantiate("json://localhost")  # the first one loads every service
    return apprise
