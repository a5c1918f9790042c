"""Where the files are."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from crm_kare.errors import ConfigError
from crm_kare_files.chunk import Opened
from crm_kare_files.columnar import open_parquet
from crm_kare_files.delimited import open_delimited
from crm_kare_files.options import Reading
from crm_kare_files.workbook import open_workbook

RESULTS: Final = "kare-labels.csv"

_OPENERS: Final[dict[str, Callable[[Path, str, Reading], Opened]]] = {
    ".csv": open_delimited,
    ".txt": open_delimited,
    ".tsv": open_delimited,
    ".tab": open_delimited,
    ".xlsx": open_workbook,
    ".xlsm": open_workbook,
    ".parquet": lambda path, where, _: open_parquet(path, where),
}


def input_path(folder: Path, source: str) -> Path:
    """The file that a stream is read from: absolute, or in the project's folder.

    Raises:
        ConfigError: there is none.
    """
    path = folder / Path(source).expanduser()
    if path.is_file():
        return path
    near = get_close_matches(path.name, _names(path.parent), n=1, cutoff=0.6)
    raise ConfigError(
        "There is no such file.",
        where=source,
        fix=f"Did you mean {near[0]}?" if near else f"Put it at {path.resolve()}, or correct the mapping.",
        code="file-missing",
    )


def _names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []


def opened(path: Path, source: str, reading: Reading) -> Opened:
    """A file of whatever kind its name says.

    Raises:
        ConfigError: another kind, unreadable, empty.
    """
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        raise ConfigError(
            f"Files like {path.suffix or path.name} cannot be read.",
            where=source,
            fix=f"Save it as one of {', '.join(_OPENERS)}.",
            code="file-kind",
        )
    try:
        return opener(path, source, reading)
    except OSError as error:
        raise unreadable(source, error) from error


def unreadable(source: str, error: OSError) -> ConfigError:
    """The error for a file that the system does not let us read."""
    return ConfigError(
        f"The file cannot be read ({error.strerror or type(error).__name__}).",
        where=source,
        fix="Check its permissions, and close it in other programs.",
        code="file-unreadable",
    )


def results_path(folder: Path, source: str, named: str, inputs: Iterable[str] = ()) -> Path:
    """The file the labels go to: `named` in the project's folder, else beside the accounts file `source`.

    Raises:
        ConfigError: it is a file that we read, the accounts or another of the `inputs`.
    """
    accounts = folder / Path(source).expanduser()
    path = folder / Path(named).expanduser() if named else accounts.parent / RESULTS
    if path.resolve() in {(folder / Path(one).expanduser()).resolve() for one in (source, *inputs)}:
        raise ConfigError(
            "The labels would overwrite a file that the mapping reads.",
            where="results",
            fix="Name another file in the mapping's option `results`.",
            code="results-over-input",
        )
    return path.resolve()
