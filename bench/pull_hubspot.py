"""The HubSpot half of `pull.py`: `ours` is `sync.pull` into a mirror; `bare` asks one connection for list page after list
page, decodes each, and keeps nothing. The sandbox answers late, as HubSpot does, so what counts is what waits for what.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import requests
from pydantic import SecretStr

import crm_kare_mappings
from crm_kare.clock import SystemClock
from crm_kare.config.mapping import load_mapping, stream_specs
from crm_kare.journal import open_journal
from crm_kare.ports import Context, Organisation, StreamSpec
from crm_kare.sandbox import serve
from crm_kare.sandbox.hubspot import portal_of
from crm_kare.sync.mirror import Mirror
from crm_kare.sync.pull import pull
from crm_kare_hubspot import connector as connect

STREAMS: Final = ("accounts", "opportunities")
PAGE: Final = 100


def specs() -> list[StreamSpec]:
    """Companies and deals as the starter mapping maps them."""
    mapping = load_mapping(Path(crm_kare_mappings.__file__).with_name("hubspot.yaml"))
    return [one for one in stream_specs(mapping) if one.stream in STREAMS]


def ours(served: dict[str, Any], folder: Path) -> tuple[int, int]:
    """Records in the mirror, and calls."""
    given = {"HUBSPOT_API_URL": SecretStr(served["url"]), "HUBSPOT_ACCESS_TOKEN": SecretStr(served["token"])}
    context = Context("bench", given, SystemClock(), folder, folder, burst_share=1.0)
    journal = open_journal(f"sqlite:///{folder}/journal.db")
    with closing(journal), closing(connect(context)) as connector:
        mirror = Mirror(folder / "mirror", journal, "bench")
        pulled = pull(connector, specs(), mirror, Organisation("bench", "Bench"), now=datetime.now(UTC))
        mirror.accept()
        calls = connector.calls()
    return sum(one.rows for one in pulled.streams), calls.read + calls.write


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
