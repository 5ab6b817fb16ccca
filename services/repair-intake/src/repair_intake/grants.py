"""What the processes may do in the database: tickets and teams are never deleted."""

from typing import Final

from gridcare.postgres.schema.grants import Grants, may

GRANTS: Final = Grants(
    role="gridcare_repair_intake_app",
    tables={
        "outage": may("INSERT", "UPDATE", "DELETE"),
        "outage_scope": may("INSERT", "DELETE"),
        "supply_point": may("INSERT", "UPDATE"),
        "team": may("INSERT", "UPDATE"),
        "team_area": may("INSERT", "DELETE"),
        "ticket": may("INSERT", "UPDATE"),
    },
)
