"""What a ticket can be about: a closed list for each kind of ticket."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from gridcare.errors import Unprocessable
from gridcare.events.tickets import TicketKind

CategoryName = Literal[
    "no_power",
    "partial_power",
    "low_voltage",
    "sparks_or_fallen_line",
    "damaged_equipment",
    "meter",
    "safety_check",
    "meter_relocation",
    "capacity_upgrade",
]


@dataclass(frozen=True, slots=True)
class Category:
    """One entry of the list.

    `urgent`: a danger to life. `cut_explains`: an outage looks like this to the customer. A fallen line or a low voltage
    inside a cut is a fault of its own, which no cut explains.
    """

    kind: TicketKind
    urgent: bool = False
    cut_explains: bool = False


CATEGORIES: Final[dict[CategoryName, Category]] = {
    "no_power": Category("repair", cut_explains=True),
    "partial_power": Category("repair"),
    "low_voltage": Category("repair"),
    "sparks_or_fallen_line": Category("repair", urgent=True),
    "damaged_equipment": Category("repair"),
    "meter": Category("inspection"),
    "safety_check": Category("inspection"),
    "meter_relocation": Category("installation"),
    "capacity_upgrade": Category("installation"),
}


def category_of(kind: TicketKind, name: CategoryName) -> Category:
    """Return a category. Raises Unprocessable `category-not-of-kind`, whose detail names the kind's categories."""
    category = CATEGORIES[name]
    if category.kind != kind:
        of_kind = [each for each in get_args(CategoryName) if CATEGORIES[each].kind == kind]
        raise Unprocessable("category-not-of-kind", f"a ticket of this kind is about one of: {', '.join(of_kind)}")
    return category
