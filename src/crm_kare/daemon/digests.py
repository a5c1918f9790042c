"""Sends the owners' digest: on its schedule by one of the daemons, or when asked. It holds customers' names by purpose, and goes out
only where the project sets a schedule, or somebody sends it.
"""

from collections.abc import Sequence
from datetime import datetime
from threading import Lock
from typing import Final

from crm_kare.config.alerting import ALERT_URLS, DIGEST_URLS
from crm_kare.daemon.alerts.post import Address, addresses, send_page
from crm_kare.daemon.inbox import Log
from crm_kare.daemon.schedule import cron
from crm_kare.errors import ConfigError, KareError
from crm_kare.report.digest import Digest, collect, page, text
from crm_kare.sync.runtime import Runtime

TOPIC: Final = "digest"
"""What the journal calls its slots."""

_ONE_AT_A_TIME: Final = Lock()


def digest_addresses(runtime: Runtime) -> tuple[Address, ...]:
    """Where a project's digest goes; `ConfigError` where an address is wrong, or there is none."""
    setting = DIGEST_URLS if runtime.settings.secret(DIGEST_URLS) else ALERT_URLS
    found = addresses(runtime.settings.secret(setting), setting)
    if not found:
        raise ConfigError(
            "there is no address that the digest could go to.",
            where=DIGEST_URLS,
            fix="docs/alerts.md tells how to set one.",
        )
    return found


def due(runtime: Runtime, began: datetime) -> bool:
    """Whether the digest is to be sent now, and by this daemon: the newest moment that its schedule names since the daemon began,
    and that nobody has taken.
    """
    settings, now = runtime.project.digest, runtime.clock.now()
    slot = cron(settings.schedule, settings.timezone).newest(began, now) if settings.schedule else None
    return slot is not None and runtime.journal.alerts.take_slot(TOPIC, slot.isoformat(), now)


def collect_all(runtime: Runtime, log: Log) -> list[Digest]:
    """The digests of all CRMs of which something was pulled; one that cannot be made is told of, and left out. Each judges a whole
    mirror, so that many projects of one process take turns.
    """
    found = []
    for crm in [one for one in runtime.project.crms if runtime.mirror(one).exists()]:
        try:
            with _ONE_AT_A_TIME:
                found.append(collect(runtime, crm))
        except KareError as error:
            told = f"When it is mended, `crm-kare digest {crm} --send` sends it."
            log.error("digest left out", crm=crm, code=error.code, fix=told)  # noqa: TRY400  a traceback may hold customers' data
    return found


def send_all(runtime: Runtime, digests: Sequence[Digest]) -> list[str]:
    """Send digests to every address; to one that stands for owners, each owner's part to that owner.

    Returns:
        The addresses that did not take it, by number and service.
    """
    failed = []
    for address in digest_addresses(runtime):
        took = [_send(to, told) for to, told in _letters(runtime, address, digests)]
        failed += [address.shown] * (not all(took))
    return failed


def _letters(runtime: Runtime, address: Address, digests: Sequence[Digest]) -> list[tuple[Address, list[Digest]]]:
    if not address.personal:
        return [(address, list(digests))]
    owners = runtime.project.digest.owners
    mine = {owner: [part for one in digests if (part := one.of(owner)).parts] for owner in owners}
    return [(address.to(owners[owner]), told) for owner, told in mine.items() if told]


def _send(address: Address, digests: Sequence[Digest]) -> bool:
    crms = ", ".join(one.crm for one in digests)
    return send_page(address, f"crm-kare: what changed in {crms}", page(digests), _harmless(text(digests)))


def _harmless(told: str) -> str:
    """Without what a chat would take for a command: names in a CRM may hold `<!channel>` or `@everyone`."""
    return told.replace("<", "‹").replace(">", "›").replace("@", "@\u200b")
