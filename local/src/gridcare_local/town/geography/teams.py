"""The 28 local teams: one for each old district, so that each has one connected area."""

from functools import cache

from gridcare_local.town.geography.wards import Ward, load_wards
from gridcare_local.town.records import Team

_FIRST_UNIT = 1101
# old province, old district and the team's name; the position in this list gives the unit code, 1101 to 1128
_DISTRICTS = (
    ("Cần Thơ", "Quận Ninh Kiều", "Ninh Kiều"),
    ("Cần Thơ", "Quận Bình Thủy", "Bình Thủy"),
    ("Cần Thơ", "Quận Cái Răng", "Cái Răng"),
    ("Cần Thơ", "Quận Ô Môn", "Ô Môn"),
    ("Cần Thơ", "Quận Thốt Nốt", "Thốt Nốt"),
    ("Cần Thơ", "Huyện Phong Điền", "Phong Điền"),
    ("Cần Thơ", "Huyện Cờ Đỏ", "Cờ Đỏ"),
    ("Cần Thơ", "Huyện Thới Lai", "Thới Lai"),
    ("Cần Thơ", "Huyện Vĩnh Thạnh", "Vĩnh Thạnh"),
    ("Hậu Giang", "Thành phố Vị Thanh", "Vị Thanh"),
    ("Hậu Giang", "Thành phố Ngã Bảy", "Ngã Bảy"),
    ("Hậu Giang", "Thị xã Long Mỹ", "thị xã Long Mỹ"),
    ("Hậu Giang", "Huyện Long Mỹ", "huyện Long Mỹ"),
    ("Hậu Giang", "Huyện Vị Thủy", "Vị Thủy"),
    ("Hậu Giang", "Huyện Phụng Hiệp", "Phụng Hiệp"),
    ("Hậu Giang", "Huyện Châu Thành", "Châu Thành Hậu Giang"),
    ("Hậu Giang", "Huyện Châu Thành A", "Châu Thành A"),
    ("Sóc Trăng", "Thành phố Sóc Trăng", "Sóc Trăng"),
    ("Sóc Trăng", "Thị xã Ngã Năm", "Ngã Năm"),
    ("Sóc Trăng", "Thị xã Vĩnh Châu", "Vĩnh Châu"),
    ("Sóc Trăng", "Huyện Châu Thành", "Châu Thành Sóc Trăng"),
    ("Sóc Trăng", "Huyện Kế Sách", "Kế Sách"),
    ("Sóc Trăng", "Huyện Long Phú", "Long Phú"),
    ("Sóc Trăng", "Huyện Cù Lao Dung", "Cù Lao Dung"),
    ("Sóc Trăng", "Huyện Mỹ Tú", "Mỹ Tú"),
    ("Sóc Trăng", "Huyện Mỹ Xuyên", "Mỹ Xuyên"),
    ("Sóc Trăng", "Huyện Thạnh Trị", "Thạnh Trị"),
    ("Sóc Trăng", "Huyện Trần Đề", "Trần Đề"),
)
TEAM_COUNT = len(_DISTRICTS)


def unit_code(team: int) -> str:
    """Return the four digits in the customer codes of the team with a number from 0 to 27."""
    return str(_FIRST_UNIT + team)


@cache
def wards_of(team: int) -> tuple[Ward, ...]:
    """Return a team's wards: first the one with the team's name, then the others by code."""
    province, district, name = _DISTRICTS[team]
    wards = [w for w in load_wards() if (w.former_province, w.former_district) == (province, district)]
    return tuple(sorted(wards, key=lambda ward: (not name.endswith(ward.name), ward.code)))


@cache
def load_teams() -> tuple[Team, ...]:
    """Return the 28 teams in the order of their unit codes. Each of the 103 wards belongs to exactly one."""
    return tuple(
        Team(
            team_id=f"PB{unit_code(team)}",
            name=f"Đội Quản lý điện {name}",
            ward_codes=tuple(ward.code for ward in wards_of(team)),
        )
        for team, (_, _, name) in enumerate(_DISTRICTS)
    )
