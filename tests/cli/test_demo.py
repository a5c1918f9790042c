"""The demo, as a newcomer runs it."""

import re

import pytest

from crm_kare.cli import main


@pytest.mark.slow
def test_the_demo_goes_all_the_way_and_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["demo", "--accounts", "60"])
    shown = capsys.readouterr().out
    assert end.value.code == 0
    assert "The second sync wrote nothing." in shown
    for page in (r"/lightning/r/Account/001\w{15}/view", r"/contacts/\d+/record/0-2/\d+"):
        assert re.search(r"Keep +http://127\.0\.0\.1:\d+" + page, shown), page
