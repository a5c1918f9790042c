"""Exceptions, named by what the caller must do; each carries the exit code of the Contract.

A problem in the *data* is a `crm_kare.model.Problem` in a list; these are for "cannot go on".
Messages never hold secrets, reply bodies or customers' values.
"""


class KareError(Exception):
    """Root of all errors we raise.

    Args:
        message: what is wrong, in one sentence.
        fix: what to do about it, in one sentence; empty where there is nothing to do.
        where: the place: a file with line, a field, an endpoint.
        code: the CRM's or our own short code, for machines.
    """

    exit_code = 1
    status = "failed"

    def __init__(self, message: str, *, fix: str = "", where: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.where = where
        self.code = code or type(self).__name__

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        way_on = f" {self.fix}" if self.fix else ""
        return f"{place}{self.message}{way_on}"


class StopError(KareError):
    """The run cannot go on and nobody knows a way: an answer of the wrong shape, a broken store."""


class StaleCursorError(StopError):
    """What was deleted since a cursor can no longer be told: this stream has to be pulled in full."""


class UsageError(KareError):
    """The command was called wrongly: correct the arguments."""

    exit_code = 2


class ConfigError(KareError):
    """A file or setting is wrong: correct it. Nothing was written."""

    exit_code = 3


class AccessError(KareError):
    """Login or permission is missing: renew or grant it."""

    exit_code = 4


class UnsafePlan(KareError):  # noqa: N818  the field's word for it; an answer, not a mishap
    """A brake stopped the run before the first write: look at the plan, then decide."""

    exit_code = 6
    status = "refused"


class RetryError(KareError):
    """The CRM is unavailable: try later; the run resumes."""

    exit_code = 7
    status = "unavailable"


class QuotaError(RetryError):
    """The set share of the CRM's API allowance is used up: try in the next window."""


class BusyError(RetryError):
    """Another run holds this CRM: try when it has ended."""

    status = "busy"


class InterruptedRun(KareError):  # noqa: N818  a stop that was asked for
    """The run was asked to stop and did so at a batch border; the next run continues."""

    exit_code = 143
    status = "interrupted"
