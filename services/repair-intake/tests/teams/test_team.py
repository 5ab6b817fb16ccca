"""The import of teams."""

import pytest

from gridcare.errors import Unprocessable
from repair_intake.teams.core import Team, check_teams


def test_good():
    """Teams with wards of their own pass, one without any too."""
    check_teams([Team("A", "a", ("1", "2")), Team("B", "b", ("3",)), Team("C", "c", ())])


@pytest.mark.parametrize(
    ("teams", "code"),
    [
        ([Team("A", "a", ("1",)), Team("A", "b", ("2",))], "team-twice"),
        ([Team("A", "a", ("1", "2")), Team("B", "b", ("2",))], "ward-with-two-teams"),
        ([Team("A", "a", ("1", "1"))], "ward-with-two-teams"),
    ],
)
def test_refused(teams: list[Team], code: str):
    """A team that comes twice and a ward of two teams are refused."""
    with pytest.raises(Unprocessable) as refused:
        check_teams(teams)
    assert refused.value.code == code
