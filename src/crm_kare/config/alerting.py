"""The sections `alerts` and `digest` of the project file: what is told to whom, and when. Addresses are secrets, and not here."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from crm_kare.config.strict import Strict
from crm_kare.config.times import check_schedule, check_timezone

ALERT_URLS: Final = "CRM_KARE_ALERT_URLS"
"""The setting with the addresses that alerts go to."""

DIGEST_URLS: Final = "CRM_KARE_DIGEST_URLS"
"""The setting with those that the digest goes to; where it is not set, it goes where alerts go."""


class Kind(StrEnum):
    """What an alert is about. Those that deploy/alerts/rules.yaml has too bear its name: CrmKareRunFailed is `run-failed`."""

    RUN_FAILED = "run-failed"
    LOGIN_REFUSED = "login-refused"
    CRM_UNAVAILABLE = "crm-unavailable"
    BRAKE = "brake"
    APPROVAL_WAITS = "approval-waits"
    NO_SUCCESS = "no-success"
    REJECTIONS = "rejections"
    QUOTA_LOW = "quota-low"
    CERTIFICATE_ENDS = "certificate-ends"
    OVERRIDE_EXPIRED = "override-expired"
    CONFIGURATION_BROKEN = "configuration-broken"
    PAUSED_LONG = "paused-long"


class Severity(StrEnum):
    """How much it matters."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


SEVERITIES: Final = {
    Kind.RUN_FAILED: Severity.WARNING,
    Kind.LOGIN_REFUSED: Severity.CRITICAL,
    Kind.CRM_UNAVAILABLE: Severity.WARNING,
    Kind.BRAKE: Severity.WARNING,
    Kind.APPROVAL_WAITS: Severity.WARNING,
    Kind.NO_SUCCESS: Severity.CRITICAL,
    Kind.REJECTIONS: Severity.WARNING,
    Kind.QUOTA_LOW: Severity.WARNING,
    Kind.CERTIFICATE_ENDS: Severity.WARNING,
    Kind.OVERRIDE_EXPIRED: Severity.INFO,
    Kind.CONFIGURATION_BROKEN: Severity.WARNING,
    Kind.PAUSED_LONG: Severity.INFO,
}
"""What each kind weighs; `alerts.minimum` goes by it."""

_ORDER: Final = tuple(Severity)
_Share = Annotated[float, Field(gt=0, le=1)]
_Count = Annotated[int, Field(ge=1)]


class Alerts(Strict):
    """What is alerted of (docs/alerts.md)."""

    leave_out: Annotated[tuple[Kind, ...], Field(description="Kinds that nobody is told of.")] = ()
    minimum: Annotated[Severity, Field(description="Nothing is told that weighs less.")] = Severity.INFO
    name: Annotated[str, Field(max_length=60, description="What messages call this project.")] = ""
    missed_starts: Annotated[_Count, Field(description="Scheduled starts without a run that came to its end.")] = 4
    rejected_share: _Share = 0.01
    rejected_floor: _Count = 10
    quota_share: Annotated[_Share, Field(description="Share of the CRM's day that is used, by all its users.")] = 0.75
    certificate_days: Annotated[_Count, Field(description="Days before a certificate ends.")] = 30
    paused_hours: _Count = 24

    def wants(self, kind: Kind) -> bool:
        """Whether a kind is told of."""
        return kind not in self.leave_out and _ORDER.index(SEVERITIES[kind]) >= _ORDER.index(self.minimum)


class Digest(Strict):
    """The owners' weekly digest (docs/alerts.md). It holds customers' names, and goes out only where `schedule` is set."""

    schedule: Annotated[str, AfterValidator(check_schedule)] | None = None
    timezone: Annotated[str, AfterValidator(check_timezone)] = "UTC"
    days: Annotated[int, Field(ge=1, le=92, description="How many days back it looks.")] = 7
    top: Annotated[int, Field(ge=0, le=50, description="Accounts it names of each profile.")] = 5
    owners: Annotated[
        dict[str, str], Field(description="Mail addresses by owner, for `{owner_email}` in an address.")
    ] = {}  # noqa: RUF012  pydantic copies it
