"""Plain Pandas: the same rules on the same files."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas_judge
import world
from pandas_rules import Frame


def job(folder: Path) -> Callable[[], Frame]:
    """The function to time."""
    return partial(pandas_judge.labels, folder, world.AS_OF)
