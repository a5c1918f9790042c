"""Errors as Salesforce's REST API says them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RecordError:
    """What is wrong with one record: code, message, fields concerned."""

    code: str
    message: str
    fields: tuple[str, ...] = ()

    def in_result(self) -> dict[str, Any]:
        """As a collection's result says it: `statusCode` there, `errorCode` elsewhere."""
        return {"statusCode": self.code, "message": self.message, "fields": list(self.fields)}


class SalesforceError(Exception):
    """A request that is refused: HTTP status and a list of errors."""

    def __init__(self, status: int, code: str, message: str, fields: Sequence[str] = ()) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.errors = [RecordError(code, message, tuple(fields))]

    def body(self) -> list[dict[str, Any]]:
        """The body: always a list."""
        return [
            {"message": one.message, "errorCode": one.code} | ({"fields": list(one.fields)} if one.fields else {})
            for one in self.errors
        ]


def bad_request(code: str, message: str, fields: Sequence[str] = ()) -> SalesforceError:
    """A 400."""
    return SalesforceError(400, code, message, fields)


def not_found() -> SalesforceError:
    """A 404 as for an address, or an id, that does not exist."""
    return SalesforceError(404, "NOT_FOUND", "The requested resource does not exist")
