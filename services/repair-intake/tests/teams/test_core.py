"""Which lists of teams are accepted."""

import pytest

from gridcare.errors import Unprocessable
from repair_intake.teams.core import Team, check_teams


def test_separate_wards_pass():
    """Teams with wards of their own pass, and so does a team without any."""
    check_teams([Team("A", "a", ("1", "2")), Team("B", "b", ("3",)), Team("C", "c", ())])


@pytest.mark.parametrize(
    ("teams", "code"),
    [
        ([Team("A", "a", ("1",)), Team("A", "b", ("2",))], "team-twice"),
        ([Team("A", "a", ("1", "2")), Team("B", "b", ("2",))], "ward-with-two-teams"),
        ([Team("A", "a", ("1", "1"))], "ward-with-two-teams"),
    ],
)
def test_overlaps_are_refused(teams: list[Team], code: str):
    """A team named twice, and a ward with two teams, are refused."""
    with pytest.raises(Unprocessable) as refused:
        check_teams(teams)
    assert refused.value.code == code
