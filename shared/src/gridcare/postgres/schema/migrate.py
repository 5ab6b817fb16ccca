"""Migrations: plain SQL that each service's `migrate` process applies with dbmate, once per release.

The migrations of the shared plumbing are in gridcare/postgres/migrations and have the earliest timestamps; a service's own
are in its migrations/.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from gridcare.errors import GridcareError

PLUMBING = Path(__file__).parents[1] / "migrations"
LOCK_TIMEOUT_S = 10
STATEMENT_TIMEOUT_S = 600
WAIT_S = 600
"""A release may start before its database does: the job waits for it rather than fail."""


class MigrationFailed(GridcareError):
    """dbmate failed; its output says on which file and why."""


async def migrate(database_url: str, migrations: Path) -> None:
    """Bring a database to the newest schema. Idempotent. Raises MigrationFailed."""
    dbmate = shutil.which("dbmate", path=str(Path(sys.executable).parent)) or shutil.which("dbmate")
    if dbmate is None:
        raise MigrationFailed("dbmate is not installed")
    separator = "&" if "?" in database_url else "?"
    options = f"-c%20lock_timeout%3D{LOCK_TIMEOUT_S}s%20-c%20statement_timeout%3D{STATEMENT_TIMEOUT_S}s"
    url = f"{database_url}{separator}options={options}"
    if "sslmode=" not in url:
        url += "&sslmode=prefer"
    process = await asyncio.create_subprocess_exec(
        dbmate,
        *("--migrations-dir", str(PLUMBING), "--migrations-dir", str(migrations), "--no-dump-schema"),
        *("--wait", "--wait-timeout", f"{WAIT_S}s", "up"),
        env={"DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise MigrationFailed(output.decode(errors="replace").replace(url, "DATABASE_URL"))
