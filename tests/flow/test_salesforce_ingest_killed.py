"""Runs that die while a bulk ingest job is on its way: the next run converges, and the job never overwrites newer labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flow.sandbox_project import SandboxProject, Verdict, sandbox_project

from crm_kare.model import RunStatus
from crm_kare.sandbox.salesforce import org_of
from crm_kare.sandbox.salesforce.bulk.jobs import IngestJob
from crm_kare.sandbox.salesforce.bulk.work import run_out
from crm_kare.sync.flow import Options, sync
from crm_kare_salesforce.client import Client

FORCE = Options(force=True)


class Killed(BaseException):
    """Stands for kill −9: no handler of ours may catch it."""


@pytest.fixture
def verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Profiles by account id; who is not in it gets Keep."""
    stand_in = Verdict(tmp_path)
    monkeypatch.setattr("crm_kare.sync.steps.judge", stand_in.judge)
    return stand_in.profiles


@pytest.fixture
def project(tmp_path: Path) -> Iterator[SandboxProject]:
    """A provisioned org without labels, for which every plan is large."""
    with sandbox_project(tmp_path, crms=("salesforce",), accounts=20) as opened:
        opened.configure("streams:  ", "options: {bulk_write_from: 1}\nstreams:  ", "mappings/salesforce.yaml")
        yield opened


def dies_after(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """The process dies when so many calls about ingest jobs have gone out, before it sees the last one's answer.

    The system closes what a dead process held open; here that falls to us, or a streamed answer is left to the
    garbage collector, which warns.
    """
    real, left = Client._renewing, [number]

    def dying(self: Client, call: Any, *, safe: bool) -> Any:
        before = len(seen)
        told = real(self, call, safe=safe)
        if len(seen) > before:
            left[0] -= 1
            if not left[0]:
                seen[-1].close()
                raise Killed
        return told

    seen: list[Any] = []
    note = Client._note

    def noting(self: Client, answer: Any, **options: Any) -> None:
        if "/jobs/ingest" in answer.request.url:
            seen.append(answer)
        note(self, answer, **options)

    monkeypatch.setattr(Client, "_renewing", dying)
    monkeypatch.setattr(Client, "_note", noting)


@pytest.mark.parametrize("number", [3, *(pytest.param(one, marks=pytest.mark.slow) for one in (1, 2, 4, 5, 6))])
def test_a_run_that_dies_over_a_job_is_made_good_by_the_next(
    project: SandboxProject, verdict: dict[str, str], number: int
) -> None:
    """1 = created, 2 = uploaded, 3 = closed, 4 = looked at, 5 and 6 = done or its results asked for."""
    org = org_of(project.running.sandbox)
    with pytest.MonkeyPatch.context() as patch:
        dies_after(patch, number)
        with pytest.raises(Killed):
            sync(project.runtime, (), FORCE)
    project.reopen()
    verdict |= dict.fromkeys(project.ids("salesforce")[::2], "Expand")
    project.clock.sleep(3600)
    (result,) = sync(project.runtime, (), FORCE)
    assert result.status is RunStatus.DONE
    run_out(org)
    # a job whose maker never learnt its id stays open, and empty
    assert all(job.state.ended or not job.uploads for job in org.bulk.all(IngestJob))
    shown = {key: held["Profile"] for key, held in project.labels("salesforce").items()}
    assert shown == {key: verdict.get(key, "Keep") for key in shown}
    assert project.runtime.journal.changes.unsettled("salesforce") == []
    (quiet,) = sync(project.runtime, (), FORCE)
    assert (quiet.status, quiet.planned.fields) == (RunStatus.DONE, 0)
