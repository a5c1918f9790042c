"""The rig of the files connector: a folder of CSV files that a person edits."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from crm_kare.labels import LABELS
from crm_kare.model import STREAMS
from crm_kare.ports import Connector, Context, LabelField, SourceField, StreamSpec
from crm_kare.testing.clock import FakeClock
from crm_kare.testing.rig import Break, Rig, Row, Setting
from crm_kare_files import FilesConnector

FIELDS: Final = tuple(LabelField(label, label.name) for label in LABELS)
SPECS: Final = {
    name: StreamSpec(
        name, f"{name}.csv", tuple(SourceField(one.name, one.name.upper(), one.kind) for one in stream.columns)
    )
    for name, stream in STREAMS.items()
}
SETTING: Final = Setting(
    page=6,
    specs=SPECS,
    fields=FIELDS,
    unbreakable="a file has no server to break",
    longest=20_000,
)


class FilesRig:
    """CSV files, one per stream, and the results file."""

    def __init__(self, folder: Path) -> None:
        self.setting, self.clock, self._folder = SETTING, FakeClock(), folder
        self._made = 0
        for name in SPECS:
            self._save(name, {})

    def connector(self) -> Connector:
        specs = tuple(SPECS.values())
        return FilesConnector(Context("files", {}, self.clock, self._folder, self._folder, specs=specs), page=6)

    def stranger(self) -> None:
        return None

    def seed(self, stream: str, rows: Sequence[Row]) -> list[str]:
        there, ids = dict(self._load(stream)), []
        for row in rows:
            self._made += 1
            ids.append(f"{stream[:3]}-{self._made:06d}")
            there[ids[-1]] = {name.upper(): text for name, text in row.items()}
            there[ids[-1]][STREAMS[stream].id.upper()] = ids[-1]
        self._save(stream, there)
        return ids

    def edit(self, stream: str, record_id: str, values: Row) -> None:
        there = self._load(stream)
        there[record_id].update({name.upper(): text for name, text in values.items()})
        self._save(stream, there)

    def edit_labels(self, account_id: str, values: Row) -> None:
        header, rows = _read(self._results)
        header = list(dict.fromkeys([*(header or ["account_id"]), *values]))
        row = rows.setdefault(account_id, {"account_id": account_id})
        row.update({name: text or "" for name, text in values.items()})
        _write(self._results, header, rows.values())

    def delete(self, stream: str, record_id: str) -> None:
        there = self._load(stream)
        del there[record_id]
        self._save(stream, there)

    def records(self, stream: str) -> Mapping[str, Row]:
        there = self._load(stream)
        if stream == "accounts":
            labels = _read(self._results)[1]
            for key in there:
                cells = labels.get(key, {})
                there[key].update({one.field: cells.get(one.field) or None for one in FIELDS})
        return there

    def notice(self, records: Mapping[str, Sequence[str]]) -> None:
        del records

    def refuse(self, account_id: str) -> None:
        self.delete("accounts", account_id)

    def break_with(self, kind: Break) -> None:
        raise NotImplementedError(kind)

    def mend(self) -> None:
        """Nothing is ever broken."""

    def calls(self) -> int:
        return 0

    @property
    def _results(self) -> Path:
        return self._folder / "kare-labels.csv"

    def _load(self, stream: str) -> dict[str, dict[str, str | None]]:
        rows = _read(self._folder / f"{stream}.csv", STREAMS[stream].id.upper())[1]
        return {key: {name: text or None for name, text in row.items()} for key, row in rows.items()}

    def _save(self, stream: str, rows: Mapping[str, Row]) -> None:
        header = [one.source for one in SPECS[stream].fields]
        cells = [{name: text or "" for name, text in row.items()} for row in rows.values()]
        _write(self._folder / f"{stream}.csv", header, cells)


def _read(path: Path, key: str = "account_id") -> tuple[list[str], dict[str, dict[str, str]]]:
    if not path.exists():
        return [], {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = {row[key]: row for row in reader}
        return list(reader.fieldnames or []), rows


def _write(path: Path, header: Sequence[str], rows: Iterable[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, restval="")
        writer.writeheader()
        writer.writerows(rows)


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    yield FilesRig(folder)
