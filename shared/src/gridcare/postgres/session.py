"""What every session asks of the server: limits, and to notice soon when its client has vanished."""

LOCK_TIMEOUT_S = 10
IDLE_IN_TRANSACTION_TIMEOUT_S = 60
"""An abandoned transaction pins dead rows in every table of the database."""

_KEEPALIVE = {
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10s",
}
"""The server ends the session of a process that vanished, and so its locks, within about ten seconds. A machine that lost its
power or its network says no goodbye, and with the system's defaults the server would believe in it for two hours."""

KEPT_PLANS = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
"""For a statement of many queries that is run all the time. To plan it takes two hundred times as long as to run it, and
PostgreSQL plans it each time for the sake of a parameter. A plan that is kept must be good for tables that were empty when it
was made: by indexes."""


def server_settings(application_name: str, statement_timeout_s: float) -> dict[str, str]:
    """Return what a connection asks of the server for its session."""
    return {
        **_KEEPALIVE,
        "application_name": application_name,
        "timezone": "UTC",
        "statement_timeout": f"{int(statement_timeout_s * 1000)}",
        "lock_timeout": f"{LOCK_TIMEOUT_S * 1000}",
        "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_TIMEOUT_S * 1000}",
        "jit": "off",  # compiling a plan takes longer than these statements
        "random_page_cost": "1.1",  # for solid-state disks: with the default, a million rows are scanned to find five thousand
    }
