"""It is kept who imported what: the subject, the file's digest, and what became of its lines."""

from hashlib import sha256

import pytest

from outage_notifier.contacts.command_imports import imports_command
from outage_notifier.contacts.flow.good_lines import ImportFile
from outage_notifier.contacts.flow.imports import import_contacts
from outage_notifier.contacts.room import Recorded

FILE = b"customer_code,phone,language,consent\nPB11010012345,0912345678,vi,true\nnobody,1,vi,true\n"


async def test_imports_are_kept(api, db, capsys):
    """An import of each kind is listed with its subject, counts and digest, the newest first."""
    for kind in ("contacts", "devices", "supply-points"):
        headers = {"content-type": "text/csv"}
        api.clock.move(seconds=1)
        await api.call("POST", f"/v1/imports/{kind}", roles=("ops",), sub="chi", headers=headers, content=FILE)
    capsys.readouterr()  # the log
    assert await imports_command(["list"], room=Recorded(db)) == 0
    points, devices, contacts = capsys.readouterr().out.splitlines()
    assert contacts.endswith(f"contacts by chi: 1 kept, 1 refused, sha256 {sha256(FILE).hexdigest()}")
    assert points.endswith("supply-points by chi: did not end")  # a wrong header
    assert devices.endswith("devices by chi: did not end")
    assert await imports_command([], room=Recorded(db)) == 2


async def test_broken_off_imports_stay(rooms, db, capsys):
    """An import that broke off is listed too: what it had read is kept."""

    async def breaking():
        for line in [None]:
            if line is None:
                raise ConnectionResetError
            yield line

    with pytest.raises(ConnectionResetError):
        await import_contacts(ImportFile(breaking(), made_by="chi"), room=rooms.contacts)
    await imports_command(["list"], room=Recorded(db))
    assert capsys.readouterr().out.endswith("contacts by chi: did not end\n")
