"""The result pages of a finished query job, as columns of texts."""

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final

import requests

from crm_kare.http import ATTEMPTS, CallError, Trouble
from crm_kare_salesforce import jobs
from crm_kare_salesforce.client import Client
from crm_kare_salesforce.pull.ahead import Ahead
from crm_kare_salesforce.pull.csv_page import Columns, read_page

_PIECE: Final = 1 << 20
_END: Final = "null"
"""Salesforce writes this word as the locator after the last page; some versions leave the header out."""


@dataclass(frozen=True)
class ResultPage:
    """One page: its columns by name in lower case, where it is and where the next one is (empty = it was the last)."""

    columns: Columns
    where: str
    after: str
    size: int


class Results:
    """Pages of one job's results.

    Args:
        names: the columns to read.
        rows: records in a page, at most.
    """

    def __init__(self, client: Client, job_id: str, names: Sequence[str], rows: int) -> None:
        self._client, self._names = client, names
        self._path, self._rows = f"{jobs.QUERY}/{job_id}/results", rows
        self._stopped = threading.Event()

    def pages(self, locator: str) -> Generator[ResultPage, None, None]:
        """Pages from a locator on (empty: from the first).

        Raises:
            CallError: of kind `gone` or `request` where the job or the locator is no more.
        """
        yield from Ahead(self._fetch, self._stopped).pages(locator)

    def _fetch(self, where: str, tell: Callable[[str], None]) -> ResultPage:
        """A page; fetched again, by its locator, where it is not ready yet, broke half-way or cannot be read."""
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._asked(where)
            tell(after := _after(answer))
            try:
                body = self._body(answer)
                return ResultPage(read_page(body, self._names, _told_rows(answer)), where, after, len(body))
            except CallError:
                if attempt == ATTEMPTS or self._stopped.is_set():
                    raise
            self._client.sleep(float(2 ** (attempt - 1)))
        raise AssertionError("the last attempt returns or raises")

    def _asked(self, where: str) -> requests.Response:
        params = {"maxRecords": str(self._rows)} | ({"locator": where} if where else {})
        return self._client.raw("GET", self._path, safe=True, params=params, stream=True)

    def _body(self, answer: requests.Response) -> bytes:
        pieces = []
        try:
            if answer.status_code == requests.codes.no_content:
                raise CallError(Trouble("server", 204, "RESULTS_NOT_READY"))
            for piece in answer.iter_content(_PIECE):
                pieces.append(piece)
                if self._stopped.is_set():
                    raise CallError(Trouble("network", code="stopped"))
        except requests.RequestException as error:
            raise CallError(Trouble("network", answer.status_code, type(error).__name__)) from None
        finally:
            answer.close()
        return b"".join(pieces)


def _after(answer: requests.Response) -> str:
    told = answer.headers.get("Sforce-Locator", "")
    return "" if told == _END else told


def _told_rows(answer: requests.Response) -> int | None:
    told = answer.headers.get("Sforce-NumberOfRecords", "")
    return int(told) if told.isdigit() else None
