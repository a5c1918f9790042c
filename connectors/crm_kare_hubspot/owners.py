"""The owners stream: HubSpot's users who can own records. Few, so they are read whole at each pull."""

from collections.abc import Iterator

from crm_kare.errors import StopError
from crm_kare.ports import Page, StreamSpec
from crm_kare_hubspot.answers import Json, results
from crm_kare_hubspot.client import Call, Client
from crm_kare_hubspot.columns import Record, batch, missing_error, missing_of_owner, owner_reader

_PAGE = "100"


def owners(client: Client, spec: StreamSpec, cursor: str) -> Iterator[Page]:
    """All owners, those deactivated included: records still name them.

    Raises:
        ConfigError: the mapping names what an owner does not have.
    """
    if gone := missing_of_owner(spec):
        raise missing_error(spec, gone, {})
    readers = [owner_reader(one) for one in spec.fields]
    for archived in ("false", "true"):
        for raws in _pages(client, archived):
            records = [Record(str(raw.get("id")), {}, {"archived": archived == "true", **raw}) for raw in raws]
            yield Page(batch(spec, readers, records), cursor)


def _pages(client: Client, archived: str) -> Iterator[list[Json]]:
    after, seen = "", {""}
    while True:
        query = (("limit", _PAGE), ("archived", archived), *((("after", after),) if after else ()))
        answer = client.ask(Call("GET", client.paths.owners(), "owners", query)).body
        yield results(answer, "owners")
        after = str(((answer.get("paging") or {}).get("next") or {}).get("after") or "")
        if not after:
            return
        if after in seen:
            raise StopError("The list goes round: HubSpot gave the same page twice.", where="owners")
        seen.add(after)
