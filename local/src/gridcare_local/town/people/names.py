"""Common words from which invented names and addresses are made."""

from gridcare_local.town.dice import Dice
from gridcare_local.town.records import Language

_FAMILY = (
    "Nguyễn",
    "Trần",
    "Lê",
    "Phạm",
    "Huỳnh",
    "Phan",
    "Võ",
    "Đặng",
    "Bùi",
    "Đỗ",
    "Hồ",
    "Ngô",
    "Dương",
    "Trương",
    "Mai",
)
_MIDDLE = (
    "Văn",
    "Thị",
    "Ngọc",
    "Minh",
    "Hữu",
    "Thanh",
    "Kim",
    "Quốc",
    "Hoàng",
    "Thu",
    "Đức",
    "Mỹ",
    "Xuân",
    "Bích",
    "Công",
)
_GIVEN = (
    *(
        "An",
        "Bình",
        "Châu",
        "Dung",
        "Đạt",
        "Giang",
        "Hà",
        "Hạnh",
        "Hiếu",
        "Hoa",
        "Hùng",
        "Hương",
        "Khánh",
        "Lan",
        "Linh",
    ),
    *(
        "Loan",
        "Long",
        "Mai",
        "Nam",
        "Nga",
        "Nghĩa",
        "Nhung",
        "Phúc",
        "Phương",
        "Quân",
        "Sơn",
        "Tâm",
        "Thảo",
        "Tuấn",
        "Vân",
    ),
)
_KHMER_FAMILY = ("Thạch", "Sơn", "Lâm", "Kim", "Danh", "Châu", "Lý", "Kiên", "Tăng", "Trà")
_KHMER_GIVEN = (
    "Sa Rây",
    "Sóc Kha",
    "Đa Ra",
    "Sô Phia",
    "Chanh Đa",
    "Vi Sal",
    "Sà Rít",
    "Bô Pha",
    "Ry Na",
    "Thi Đa",
    "Sa Vuth",
)
_HOA_FAMILY = ("Quách", "Lý", "Trần", "Huỳnh", "Mã", "Tạ", "Lâm", "Vương", "Thái", "Ngụy")
_FOREIGN_FAMILY = ("Miller", "Dubois", "Tanaka", "Kim", "Schmidt", "Rossi", "Larsen", "Novak")
_FOREIGN_GIVEN = ("Alex", "Sam", "Robin", "Kei", "Jo", "Nika", "Max", "Noa")

_STREETS = (
    *(
        "30 Tháng 4",
        "3 Tháng 2",
        "Cách Mạng Tháng Tám",
        "Hòa Bình",
        "Bờ Kè",
        "Vành Đai",
        "Chợ Mới",
        "Bến Xe",
        "Cầu Sắt",
    ),
    *("Đồng Khởi", "Thống Nhất", "Giải Phóng", "Độc Lập", "Tự Do", "Sông Hậu", "Kênh Xáng", "Hoa Sen", "Bông Lúa"),
)
_HAMLETS = (
    *(
        "Thạnh Phước",
        "Thới Hòa",
        "Tân Lợi",
        "Phú Thọ",
        "Mỹ Thuận",
        "Hòa Hưng",
        "An Lộc",
        "Đông Thắng",
        "Vĩnh Quới",
        "Trường Thọ",
    ),
    *(
        "Bình An",
        "Long Thành",
        "Phước Lợi",
        "Nhơn Hòa",
        "Xẻo Vông",
        "Rạch Gòi",
        "Cái Nai",
        "Bưng Tróp",
        "Sóc Dong",
        "Giồng Chùa",
    ),
)


def person(language: Language, dice: Dice) -> str:
    """Return an invented name as is common among speakers of the language."""
    if language == "km":
        return f"{dice.pick(_KHMER_FAMILY)} {dice.pick(_KHMER_GIVEN)}"
    if language == "en":
        return f"{dice.pick(_FOREIGN_GIVEN)} {dice.pick(_FOREIGN_FAMILY)}"
    family = dice.pick(_HOA_FAMILY if language == "zh" else _FAMILY)
    return f"{family} {dice.pick(_MIDDLE)} {dice.pick(_GIVEN)}"


def street_address(ward_kind: str, ward_name: str, dice: Dice) -> str:
    """Return an invented address in a ward: house, street and quarter in a town, or house and hamlet in the country."""
    house = dice.below(899) + 1
    if ward_kind == "Phường":
        street = f"đường {dice.pick(_STREETS)}, khu vực {dice.below(12) + 1}"
    else:
        street = f"tổ {dice.below(18) + 1}, ấp {dice.pick(_HAMLETS)}"
    return f"Số {house}, {street}, {ward_kind} {ward_name}, TP. Cần Thơ"
