"""Teams and the wards they work."""

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
    """Refuse an import in which a team comes twice or a ward has two teams.

    Raises Unprocessable `team-twice`, `ward-with-two-teams`, naming the first of them.
    """
    for code, what, named in (
        ("team-twice", "team", [team.team_id for team in teams]),
        ("ward-with-two-teams", "ward", [ward for team in teams for ward in team.ward_codes]),
    ):
        name, times = next(iter(Counter(named).most_common(1)), ("", 0))
        if times > 1:
            raise Unprocessable(code, f"{what} {name} comes {times} times")
