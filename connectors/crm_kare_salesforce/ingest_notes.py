"""The ingest jobs under way, in a file: should this process die, the next one finds them and sees them off."""

import json
import os
from pathlib import Path
from typing import Final

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
        try:
            told = json.loads(self._path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(job): str(source) for job, source in told.items()} if isinstance(told, dict) else {}

    def _keep(self, held: dict[str, str]) -> None:
        if not held:
            self._path.unlink(missing_ok=True)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123  Path.open sets no mode
            json.dump(held, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)
