"""The help page of a group of commands."""

from typing import Any, Final

from typer.core import TyperGroup

_WHOLE_SENTENCE: Final = 400
"""Letters of a command's first sentence that the list of commands may show."""


class Grouped(TyperGroup):
    """A plain help page with the commands in groups. Typer's own grouping draws with Rich, whose import alone takes longer
    than the half second that help may take.
    """

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """One section per group, in the order in which a newcomer meets them."""
        del ctx
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            words = command.get_short_help_str(_WHOLE_SENTENCE)
            groups.setdefault(str(getattr(command, "rich_help_panel", None) or "Commands"), []).append((name, words))
        for title, rows in groups.items():
            with formatter.section(title):
                formatter.write_dl(rows)
