"""Who the PostgreSQL server runs as: it refuses to be root, so root starts it as `nobody`."""

import os
import pwd
import shutil
from pathlib import Path

from gridcare_local.errors import LocalStackError

ACCOUNT = "nobody"


def prefix() -> list[str]:
    """Words to put before a command of PostgreSQL's: none for an ordinary user.

    For root, `setpriv` (util-linux) changes the account and keeps one capability, to pass through folders that only
    root may enter: the clone may lie in one, and opening a folder's permissions would be worse.
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
    # access(2), which initdb asks, passes over the capabilities of all but root, unless this bit is set
    return [setpriv, *ids, *keeps, "--securebits", "+no_setuid_fixup", "--"]


def give(folder: Path) -> None:
    """Make the server's account the owner of a folder (only root needs to)."""
    if os.geteuid() == 0:
        account = _account()
        os.chown(folder, account.pw_uid, account.pw_gid)


def _account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise LocalStackError(
            f"PostgreSQL does not run as root, and there is no account {ACCOUNT!r} to run it as"
        ) from None
