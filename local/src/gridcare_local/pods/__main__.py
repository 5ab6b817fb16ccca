"""Run a part of a development cluster: `python -m gridcare_local.pods postgres|kafka|main-job|restarts`."""

import sys

from gridcare_local.pods import jobs, servers

PARTS = {"postgres": servers.postgres, "kafka": servers.kafka, "main-job": jobs.main_job, "restarts": jobs.restarts}

if __name__ == "__main__":
    part = PARTS.get(sys.argv[1]) if len(sys.argv) == 2 else None  # noqa: PLR2004 - the program and its argument
    if part is None:
        sys.exit(f"name one of {', '.join(PARTS)}")
    sys.exit(part())
