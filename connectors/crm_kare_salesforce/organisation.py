"""Who the org is, and what its currencies are worth."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from crm_kare.errors import ConfigError
from crm_kare.ports import Organisation
from crm_kare.state_file import keep, recalled
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.currencies import currencies
from crm_kare_salesforce.values import long_id

_NAME: Final = "salesforce-organisation.json"
_KEPT_FOR: Final = timedelta(days=7)


def organisation(client: Client, folder: Path) -> Organisation:
    """The org as it describes itself. Where it dates its exchange rates, which takes a call more, its own row is asked
    once a week only, and kept in the folder.

    Raises:
        CallError: the CRM cannot be asked.
        ConfigError: this user may not see the organisation.
    """
    corporate, rates = currencies(client)
    dated = any(one.since is not None for one in rates)
    told = (_kept(client, folder / _NAME) if dated else None) or _asked(client)
    if dated:
        keep(folder / _NAME, told)
    row = told["row"]
    return Organisation(
        id=long_id(str(row["Id"])),
        name=str(row.get("Name") or ""),
        timezone=str(row.get("TimeZoneSidKey") or "UTC"),
        currency=corporate,
        url=client.instance_url,
        rates=rates,
    )


def _kept(client: Client, path: Path) -> dict[str, Any] | None:
    told = recalled(path)
    try:
        age = client.now() - datetime.fromisoformat(told["asked_at"])
    except (KeyError, ValueError):
        return None
    fresh = timedelta(0) <= age < _KEPT_FOR
    return told if fresh and told["url"] == client.instance_url else None


def _asked(client: Client) -> dict[str, Any]:
    rows = client.rows("SELECT Id, Name, TimeZoneSidKey FROM Organization LIMIT 1")
    if not rows:
        raise ConfigError("This user may not see the organisation.", where="Organization", fix="Grant API access.")
    return {"asked_at": client.now().astimezone(UTC).isoformat(), "url": client.instance_url, "row": rows[0]}
