"""Reads the product's YAML files: plain values, checked by a pydantic model, every problem at once with its line.

Written for people who edit by hand: no aliases, no tags, keys are text as it stands (`0012:` stays `0012`), and `no` is
the word "no" (YAML 1.2), so that Norway's country code survives.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from crm_kare.config.findings import Finding, Place, finding
from crm_kare.errors import ConfigError

_Model = TypeVar("_Model", bound=BaseModel)
_Check = Callable[[_Model], Sequence[Finding]]
_MOST_BYTES = 500_000
_MOST_TOLD = 50
_TAGS = tuple(
    f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str", "timestamp", "map", "seq")
)


@dataclass(frozen=True)
class Loaded(Generic[_Model]):
    """A file's checked content, and where each of its keys stands."""

    path: Path
    value: _Model
    lines: dict[Place, int]

    def where(self, place: Place) -> str:
        """`file:line` of a key, or of the nearest one around it."""
        return f"{self.path}:{_line(self.lines, place)}"

    def refuse(self, findings: Sequence[Finding]) -> None:
        """Raise one `ConfigError` that tells all of them; nothing where there are none."""
        if findings:
            raise _error(self.path, self.lines, findings)


def load_yaml(path: Path, model: type[_Model], check: _Check[_Model] | None = None) -> _Model:
    """The file's content as a model; `check` finds what single values do not show, and is told with the rest.

    Raises:
        ConfigError: the file is missing, unreadable, or wrong; its text lists every problem with file, line and fix.
    """
    return read_yaml(path, model, check).value


def read_yaml(path: Path, model: type[_Model], check: _Check[_Model] | None = None) -> Loaded[_Model]:
    """As `load_yaml`, with the lines, for checks that need more than this one file."""
    return parse_yaml(read_text(path), path, model, check)


def parse_yaml(text: str, path: Path, model: type[_Model], check: _Check[_Model] | None = None) -> Loaded[_Model]:
    """As `read_yaml`, from text that is to stand in the file `path`."""
    lines: dict[Place, int] = {}
    found: list[Finding] = []
    root = _compose(text, path)
    if not isinstance(root, MappingNode):
        raise ConfigError(
            "the file is empty" if root is None else "the file must hold keys and values",
            where=str(path),
            fix="Start from the file that `crm-kare init` writes.",
        )
    content = _plain(root, (), lines, found)
    try:
        loaded = Loaded(path, model.model_validate(content), lines)
    except ValidationError as error:
        errors = error.errors(include_url=False)[: _MOST_TOLD + 1]
        found += [replace(finding(one, model), line=_line(lines, one["loc"])) for one in errors]
        raise _error(path, lines, found) from None
    loaded.refuse([*found, *(check(loaded.value) if check else ())])
    return loaded


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        ConfigError: it is missing, unreadable, far too large or not UTF-8.
    """
    where = str(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            "the file is not there.", where=where, fix="Check the path, or run `crm-kare init`."
        ) from None
    except OSError as error:
        raise ConfigError(
            f"the file cannot be read ({error.strerror}).", where=where, fix="Check its rights."
        ) from None
    if len(data) > _MOST_BYTES:
        raise ConfigError("the file is over 500 kB.", where=where, fix="This is no file of ours: check the path.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("the file is not UTF-8.", where=f"{where}:{line}", fix="Save it as UTF-8.") from None


@lru_cache(maxsize=8)
def _compose(text: str, path: Path) -> Node | None:
    """The text's nodes, which nobody changes; kept, for a run reads its mapping several times and this takes longest."""
    try:
        root: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(
            f"not valid YAML: {error.problem or error.context}.", where=where, fix=_yaml_fix(error)
        ) from None
    except YAMLError:
        raise ConfigError("not valid YAML: it holds characters that text files must not.", where=str(path)) from None
    except RecursionError:
        raise ConfigError("not valid YAML: nested too deeply.", where=str(path)) from None
    return root


def _yaml_fix(error: MarkedYAMLError) -> str:
    problem = str(error.problem or "")
    if "\\t" in problem:
        return "Indent with spaces instead of tabs."
    if "mapping values" in problem:
        return "Put quotes around a value that holds `: `."
    return "Check quotes, brackets and indentation on this line and the one before."


def _plain(node: Node, place: Place, lines: dict[Place, int], found: list[Finding]) -> Any:
    """The node as plain values; notes each key's line, and what a hand-edited file must not hold."""
    lines.setdefault(place, node.start_mark.line + 1)
    if node.anchor or node.tag not in _TAGS:
        found.append(Finding(place, "anchors, aliases and tags are not supported", "write the value out"))
        return None
    if isinstance(node, MappingNode):
        return {key: _plain(value, (*place, key), lines, found) for key, value in _pairs(node, place, lines, found)}
    if isinstance(node, SequenceNode):
        return [_plain(value, (*place, number), lines, found) for number, value in enumerate(node.value)]
    return _scalar(node, place, found)


def _pairs(
    node: MappingNode, place: Place, lines: dict[Place, int], found: list[Finding]
) -> Iterator[tuple[str, Node]]:
    for key_node, value in node.value:
        if not isinstance(key_node, ScalarNode):
            found.append(Finding(place, "a key must be text", "put quotes around it"))
            continue
        key = str(key_node.value)
        line = key_node.start_mark.line + 1
        if (*place, key) in lines:
            first = lines[*place, key]
            found.append(Finding(place, f"duplicate key `{key}` (first on line {first})", "keep one of them", line))
            continue
        lines[*place, key] = line
        yield key, value


def _scalar(node: Node, place: Place, found: list[Finding]) -> Any:
    if str(node.tag).endswith(":str"):
        return node.value
    try:
        return YAML(typ="safe", pure=True).constructor.construct_object(node)
    except (ValueError, OverflowError, YAMLError):  # 2024-02-30 looks like a date and is none
        found.append(Finding(place, f"`{node.value}` is no valid value", "correct it, or put quotes around it"))
        return None


def _line(lines: dict[Place, int], place: Place) -> int:
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _error(path: Path, lines: dict[Place, int], found: Sequence[Finding]) -> ConfigError:
    placed = [(one.line or _line(lines, one.place), one) for one in dict.fromkeys(found)]
    placed.sort(key=lambda pair: pair[0])
    if len(placed) == 1:
        line, only = placed[0]
        return ConfigError(f"{only.text()}.", where=f"{path}:{line}", fix=only.way_on())
    told = [f"  {path}:{line}: {one.text()}. {one.way_on()}".rstrip() for line, one in placed[:_MOST_TOLD]]
    count = f"{len(told)} problems" if len(told) == len(placed) else f"the first {len(told)} problems"
    return ConfigError("\n".join([count, *told]), where=str(path))
