"""Who is told what the service does: alerts, traces, the door for webhooks."""

from crm_kare.journal import Standing
from crm_kare.model import Problem
from crm_kare.sync.result import RunResult
from crm_kare.sync.runtime import Runtime


class Listener:
    """Told by a `Service` it is among the `listeners` of, in the thread where it happens: answer soon. Override what you want to
    hear; an error that is raised is logged and ends nothing.
    """

    def ended(self, crm: str, kind: str, result: RunResult) -> None:
        """A run of a CRM ended, whatever became of it.

        `kind` is `sync` or `webhook`. One that broke by an accident, too, has a result: failed, with the error among its problems.
        """

    def paused(self, crm: str, standing: Standing) -> None:
        """A CRM is paused, or paused anew (`standing` tells since when, until when and by whom)."""

    def resumed(self, crm: str) -> None:
        """A CRM is paused no longer: somebody said so, or its time is over."""

    def configured(self, runtime: Runtime) -> None:
        """A changed configuration was checked, and is in force from now on; runs under way finish by the old one."""

    def misconfigured(self, problem: Problem) -> None:
        """A changed configuration is wrong, so that the old one stays in force. Told once per problem."""
