"""Single records by id, as they are now: those that are gone are told, and what they were merged into comes along."""

from collections.abc import Iterator, Sequence

from crm_kare.http import CallError
from crm_kare.ports import Page, StreamSpec
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.fields import Objects
from crm_kare_salesforce.pull.ask import Ask, Found
from crm_kare_salesforce.pull.delete_log import MOST_ASKED, still_there, together
from crm_kare_salesforce.pull.missing import refuse_missing
from crm_kare_salesforce.values import long_id


def single(client: Client, objects: Objects, spec: StreamSpec, ids: Sequence[str]) -> Page:
    """The records of these ids.

    Raises:
        CallError: Salesforce refused or did not answer.
        ConfigError: mapped fields are missing; all are named.
    """
    asked = tuple(dict.fromkeys(long_id(one) for one in ids))
    if not asked:
        return Page(together(spec, []).records, "")
    ask = Ask(spec, deletions=objects.has(spec.source, "IsDeleted"))
    try:
        found = together(spec, _parts(client, ask, asked))
    except CallError as error:
        if error.trouble.code == "INVALID_FIELD":
            refuse_missing(objects, spec)
        raise
    return Page(found.records, "", tuple(dict.fromkeys(found.gone)))


def _parts(client: Client, ask: Ask, ids: tuple[str, ...]) -> Iterator[Found]:
    """What is found, then the winners of merges that were not asked for."""
    winners: set[str] = set()
    for start in range(0, len(ids), MOST_ASKED):
        found = still_there(client, ask, ids[start : start + MOST_ASKED])
        winners |= {long_id(one) for one in found.winners}
        yield found
    if others := sorted(winners.difference(ids)):
        yield still_there(client, ask, others)
