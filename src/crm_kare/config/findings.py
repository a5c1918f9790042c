"""What is wrong in a file, in words for the person who edits it; pydantic's findings are put into these words here."""

import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

Place = tuple[str | int, ...]
"""The keys and list positions that lead to a value."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong: where, what, and the fix; `line` only where the place alone does not tell it."""

    place: Place
    message: str
    fix: str = ""
    line: int = 0

    def text(self) -> str:
        """The place and what is wrong, without a full stop."""
        path = ".".join(str(part) for part in self.place)
        return f"{path}: {self.message}" if path else self.message

    def way_on(self) -> str:
        """The fix as a sentence, empty where there is none."""
        return sentence(self.fix)


def sentence(words: str) -> str:
    """The words with a capital at the head and a stop at the end; empty stays empty."""
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('?', '.')) else '.'}" if words else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean `x`?` for the nearest known word, else the known ones where they are few, else nothing."""
    words = sorted(known)
    near = get_close_matches(word.lower(), words, n=1, cutoff=0.6) or get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean `{near[0]}`?"
    return f"known: {', '.join(words)}" if words and len(words) <= 12 else ""  # noqa: PLR2004  a list one can read


def finding(error: Mapping[str, Any], model: type[BaseModel]) -> Finding:
    """One entry of pydantic's `ValidationError.errors()` in our words."""
    place: Place = tuple(error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown_key(place, model)
    if kind == "missing":
        return Finding(place[:-1], f"`{place[-1]}` is missing", "add it")
    if kind in {"value_error", "assertion_error"}:
        return Finding(place, *_own_words(context.get("error")))
    if kind in {"literal_error", "enum"}:
        return Finding(place, f"{context['expected']} is wanted, this is {_shown(error.get('input'))}")
    if kind in _WORDS:
        message, fix = _WORDS[kind]
        return Finding(place, f"{message}, this is {_shown(error.get('input'))}", fix)
    return Finding(place, f"{_lower_first(error['msg'])}, this is {_shown(error.get('input'))}")


class RefusedError(ValueError):
    """Raised in a model's validator: what is wrong and the fix."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


_WORDS = {
    "string_type": ("text is wanted", "put quotes around it"),
    "int_type": ("a whole number is wanted", ""),
    "int_parsing": ("a whole number is wanted", ""),
    "int_from_float": ("a whole number is wanted", ""),
    "float_type": ("a number is wanted", ""),
    "float_parsing": ("a number is wanted", ""),
    "decimal_type": ("a number is wanted", ""),
    "decimal_parsing": ("a number is wanted", ""),
    "bool_type": ("`true` or `false` is wanted", ""),
    "bool_parsing": ("`true` or `false` is wanted", ""),
    "date_type": ("a date is wanted", "write it as YYYY-MM-DD"),
    "date_parsing": ("a date is wanted", "write it as YYYY-MM-DD"),
    "date_from_datetime_parsing": ("a date is wanted", "write it as YYYY-MM-DD"),
    "dict_type": ("keys and values are wanted", "indent them under the key"),
    "model_type": ("keys and values are wanted", "indent them under the key"),
    "model_attributes_type": ("keys and values are wanted", "indent them under the key"),
    "list_type": ("a list is wanted", "write one item per line after `- `, or in [ ]"),
    "tuple_type": ("a list is wanted", "write one item per line after `- `, or in [ ]"),
}


def _own_words(error: object) -> tuple[str, str]:
    if isinstance(error, RefusedError):
        return error.message, error.fix
    return str(error), ""


def _unknown_key(place: Place, model: type[BaseModel]) -> Finding:
    key = str(place[-1])
    return Finding(place[:-1], f"unknown key `{key}`", did_you_mean(key, _keys(model, place[:-1])) or "remove it")


def _keys(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The keys that the model knows at a place."""
    here: Any = model
    for part in place:
        here = _inner(here, part)
    kind = _model_of(here)
    return [field.alias or name for name, field in kind.model_fields.items()] if kind else []


def _inner(annotation: Any, part: str | int) -> Any:
    kind = _model_of(annotation)
    if kind:
        fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        return fields.get(str(part))
    arguments = get_args(annotation)
    if get_origin(annotation) in {Union, types.UnionType}:
        return next((inner for one in arguments if (inner := _inner(one, part)) is not None), None)
    container = get_origin(annotation)
    if container is dict or (isinstance(container, type) and issubclass(container, Mapping)):
        return arguments[1]
    return arguments[0] if container in {list, tuple, Sequence} else None


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The model an annotation stands for, `Annotated` and `| None` taken off."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if hasattr(annotation, "__metadata__"):
        return _model_of(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return next((found for one in get_args(annotation) if (found := _model_of(one))), None)
    return None


def _shown(value: object) -> str:
    """A value in a message: short, and in YAML's words."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, Mapping):
        return "a block of keys"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value)
    return f"`{text if len(text) <= 60 else text[:57] + '…'}`"  # noqa: PLR2004  one line


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
