"""The ingest jobs under way, in a file: should this process die, the next one finds them and sees them off."""

from pathlib import Path
from typing import Final

from crm_kare.state_file import keep, recalled

_NAME: Final = "salesforce-ingest-jobs.json"


class Notes:
    """Jobs by id with the object that they write. The file is there only while a job is, readable by its owner."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME

    def of(self, source: str) -> list[str]:
        """Ids of the jobs that write this object."""
        return [job for job, written in self._read().items() if written.lower() == source.lower()]

    def add(self, job_id: str, source: str) -> None:
        """Before the rows go up."""
        self._keep({**self._read(), job_id: source})

    def forget(self, job_id: str) -> None:
        """Once the job has ended, whatever became of it."""
        held = self._read()
        if held.pop(job_id, None) is not None:
            self._keep(held)

    def _read(self) -> dict[str, str]:
        return {str(job): str(source) for job, source in recalled(self._path).items()}

    def _keep(self, held: dict[str, str]) -> None:
        if held:
            keep(self._path, held)
        else:
            self._path.unlink(missing_ok=True)
