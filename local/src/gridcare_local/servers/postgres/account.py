"""The account that PostgreSQL runs as, and whom it admits. It refuses to run as root, so root starts it as `nobody`."""

import os
import pwd
import shutil
from pathlib import Path

from gridcare_local.errors import LocalStackError

ACCOUNT = "nobody"
ADMITTED = "host all all all scram-sha-256\n"


def prefix() -> list[str]:
    """Return the words to put before a command of PostgreSQL. There are none for an ordinary user.

    For root, `setpriv` (util-linux) changes the account and keeps one capability: to enter folders that only root may
    enter, since the clone may be in one. Changing the folder's permissions would be worse.
    """
    if os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise LocalStackError(
            "PostgreSQL does not run as root, and `setpriv` (package util-linux) is missing: install it, run this as "
            "an ordinary user, or name a server of your own in GRIDCARE_POSTGRES_URL"
        )
    account = _account()
    ids = ["--reuid", str(account.pw_uid), "--regid", str(account.pw_gid), "--clear-groups"]
    keeps = ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    # initdb uses access(2), which ignores the capabilities of all accounts but root unless this bit is set
    return [setpriv, *ids, *keeps, "--securebits", "+no_setuid_fixup", "--"]


def hand_over(folder: Path) -> None:
    """Make the server's account the owner of a folder, if this process is root."""
    if os.geteuid() == 0:
        account = _account()
        os.chown(folder, account.pw_uid, account.pw_gid)


def admit_other_machines(rules: Path) -> None:
    """Let roles with a password connect from everywhere, by a line in pg_hba.conf; by default only this machine may."""
    if ADMITTED not in rules.read_text():
        with rules.open("a") as file:
            file.write(ADMITTED)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise LocalStackError(
            f"PostgreSQL does not run as root, and there is no account {ACCOUNT!r} to run it as"
        ) from None
