"""The HubSpot half of `pull.py`: `ours` is `sync.pull` into a mirror; `bare` asks one connection for list page after list
page, decodes each, and keeps nothing. The sandbox answers late, as HubSpot does, so what counts is what waits for what.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import requests
from mirrored import mirrored, starter
from pydantic import SecretStr

from crm_kare.clock import SystemClock
from crm_kare.ports import Context, StreamSpec
from crm_kare.sandbox import serve
from crm_kare.sandbox.hubspot import portal_of
from crm_kare_hubspot import connector as connect

PAGE: Final = 100


def specs() -> list[StreamSpec]:
    """Accounts and opportunities as the starter mapping maps them."""
    return starter("hubspot")


def ours(served: dict[str, Any], folder: Path) -> tuple[int, int]:
    """Records in the mirror, and calls."""
    given = {"HUBSPOT_API_URL": SecretStr(served["url"]), "HUBSPOT_ACCESS_TOKEN": SecretStr(served["token"])}
    context = Context("bench", given, SystemClock(), folder, folder, burst_share=1.0)
    return mirrored(connect, context, specs())


def bare(served: dict[str, Any], _folder: Path) -> tuple[int, int]:
    """Records decoded, and calls."""
    records = calls = 0
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {served['token']}"
        for spec in specs():
            for page in _pages(session, served["url"], spec):
                records, calls = records + len(page), calls + 1
    return records, calls


def _pages(session: requests.Session, url: str, spec: StreamSpec) -> Iterator[list[dict[str, Any]]]:
    names = [one.source for one in spec.fields if not one.source.startswith("@")]
    asked = {"limit": str(PAGE), "properties": ",".join([*names, "pipeline", "hs_merged_object_ids"])}
    asked |= {"associations": "companies"} if spec.source == "deals" else {}
    after = None
    while True:
        where = asked | ({"after": after} if after else {})
        page = session.get(f"{url}/crm/v3/objects/{spec.source}", params=where, timeout=600).json()
        yield page["results"]
        after = ((page.get("paging") or {}).get("next") or {}).get("after")
        if not after:
            return


@contextmanager
def served(accounts: int, opportunities: int, latency: float) -> Iterator[dict[str, Any]]:
    """The sandbox, in this process; its answers are late by so many seconds."""
    with serve(SystemClock(), accounts=accounts, opportunities=opportunities, vendors=("hubspot",)) as running:
        portal = portal_of(running.sandbox)
        portal.settings = replace(portal.settings, latency=latency)
        yield {"url": running.url, "token": portal.settings.token}
