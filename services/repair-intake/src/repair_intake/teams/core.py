"""Teams and the wards that they work."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gridcare.errors import Unprocessable


@dataclass(frozen=True, slots=True)
class Team:
    """A local power-management team; `ward_codes` is its area."""

    team_id: str
    name: str
    ward_codes: tuple[str, ...]


def check_teams(teams: Sequence[Team]) -> None:
    """Refuse a list that names a team twice or gives a ward to two teams.

    Raises Unprocessable `team-twice` or `ward-with-two-teams`, naming the most frequent of them.
    """
    for code, what, names in (
        ("team-twice", "team", [team.team_id for team in teams]),
        ("ward-with-two-teams", "ward", [ward for team in teams for ward in team.ward_codes]),
    ):
        name, times = next(iter(Counter(names).most_common(1)), ("", 0))
        if times > 1:
            raise Unprocessable(code, f"{what} {name} is listed {times} times")
