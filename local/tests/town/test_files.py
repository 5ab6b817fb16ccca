"""Demo data as files: the same bytes each time, readable, with bad lines only where listed."""

import csv
import json

import pytest

from gridcare.values.customer_code import is_customer_code
from gridcare.values.phone import InvalidPhone, parse_mobile
from gridcare_local.town import Contact, DemoWorld, SupplyPoint, write_demo_data

# The files of 200 supply points from seed 1. They may change only when the generator is changed on purpose.
DIGESTS = {
    "supply_points.csv": "1877072dcb93cc200e719a4e813232e583b48247bda601436802137867e852b9",
    "supply_points.jsonl": "449f670938eb9f71ef08febd14f1481ce1a8fb3e0d995bd2d7870e6e2b074d70",
    "contacts.csv": "e381b8e9b37ba7c5bf1378631cf2133efd2550c463b4156cf102a0f74dd5fe53",
    "contacts.jsonl": "da09654404fe6e9d58cf7c55d8e2a06b73dace27080e10e2ead1b16fbb72b647",
    "devices.jsonl": "7c0612e48fb116b5b47a3164607fc091c95e6d012d4342d8a319ded1378b5b72",
}


def read(directory, name):
    """Return the rows of a file as dictionaries."""
    with (directory / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file)) if name.endswith("csv") else [json.loads(line) for line in file]


def test_bytes_never_change(tmp_path):
    """The tables of a small world have the committed digests on any machine and Python version."""
    manifest = write_demo_data(tmp_path, supply_points=200, seed=1, formats=("csv", "jsonl"))
    assert {name: facts.sha256 for name, facts in manifest.files.items()} == DIGESTS


def test_the_seed_determines_files(tmp_path):
    """The same arguments write the same bytes to every file; another seed writes others."""
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        write_demo_data(tmp_path / name, supply_points=500, seed=seed, canaries=5, bad_lines=20)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "two").iterdir())
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in names)
    assert (tmp_path / "one" / "contacts.csv").read_bytes() != (tmp_path / "other" / "contacts.csv").read_bytes()


def test_files_match_the_world(tmp_path):
    """JSON lines and CSV have the rows of the world itself, and the manifest counts them."""
    manifest = write_demo_data(tmp_path, supply_points=300, formats=("jsonl", "csv"))
    world = DemoWorld(supply_points=300)
    supply_points, contacts = list(world.supply_points()), list(world.contacts())
    assert [SupplyPoint(**row) for row in read(tmp_path, "supply_points.jsonl")] == supply_points
    assert [Contact(**row) for row in read(tmp_path, "contacts.jsonl")] == contacts
    rows = read(tmp_path, "contacts.csv")
    assert [(row["phone"], row["consent"] == "true", row["name"] or None) for row in rows] == [
        (contact.phone, contact.consent, contact.name) for contact in contacts
    ]
    assert [float(row["lat"]) for row in read(tmp_path, "supply_points.csv")] == [s.lat for s in supply_points]
    assert manifest.files["contacts.csv"].rows == manifest.files["contacts.jsonl"].rows == len(contacts)
    assert manifest.files["contacts.csv"].size_bytes == (tmp_path / "contacts.csv").stat().st_size


def test_the_grid_file_is_complete(tmp_path):
    """The transformers in grid.json feed all supply points, and teams.json has 28 teams."""
    write_demo_data(tmp_path, supply_points=5_000)
    grid = json.loads((tmp_path / "grid.json").read_text(encoding="utf-8"))
    assert sum(transformer["supply_points"] for transformer in grid["transformers"]) == 5_000
    feeders = {feeder["feeder_id"]: feeder for feeder in grid["feeders"]}
    assert all(t["ward_code"] in feeders[t["feeder_id"]]["ward_codes"] for t in grid["transformers"])
    assert {f["substation_id"] for f in feeders.values()} == {s["substation_id"] for s in grid["substations"]}
    assert len(json.loads((tmp_path / "teams.json").read_text(encoding="utf-8"))) == 28


def test_ordinary_files_are_valid(tmp_path):
    """Without bad lines, every line is valid for our parsers, and only the requested files exist."""
    write_demo_data(tmp_path, supply_points=1_000, formats=("jsonl",))
    for row in read(tmp_path, "contacts.jsonl"):
        assert is_customer_code(row["customer_code"])
        assert parse_mobile(row["phone"]) == row["phone"]
    assert not (tmp_path / "bad_lines.json").exists()
    assert not (tmp_path / "contacts.csv").exists()


def test_bad_lines_are_listed(tmp_path):
    """Each file has the requested number of bad lines where bad_lines.json says, and is otherwise unchanged."""
    write_demo_data(tmp_path / "bad", supply_points=1_000, formats=("csv", "jsonl"), bad_lines=24)
    write_demo_data(tmp_path / "good", supply_points=1_000, formats=("csv", "jsonl"))
    bad_lines = json.loads((tmp_path / "bad" / "bad_lines.json").read_text(encoding="utf-8"))
    for name in ("supply_points.csv", "supply_points.jsonl", "contacts.csv", "contacts.jsonl"):
        lines = (tmp_path / "bad" / name).read_text(encoding="utf-8").splitlines()
        listed = {bad["line"]: bad["mistake"] for bad in bad_lines if bad["file"] == name}
        assert len(listed) == 24
        kept = [line for number, line in enumerate(lines, 1) if number not in listed]
        assert kept == (tmp_path / "good" / name).read_text(encoding="utf-8").splitlines()
        for number, mistake in listed.items():
            if name == "contacts.jsonl" and mistake.startswith("phone-"):
                with pytest.raises(InvalidPhone):
                    parse_mobile(json.loads(lines[number - 1])["phone"])
            if name.endswith("jsonl") and mistake == "broken-line":
                with pytest.raises(json.JSONDecodeError):
                    json.loads(lines[number - 1])


def test_canaries_are_listed(tmp_path):
    """canaries.json lists the phones and customers of exactly the marked rows."""
    write_demo_data(tmp_path, supply_points=400, canaries=12)
    canaries = json.loads((tmp_path / "canaries.json").read_text(encoding="utf-8"))
    marked = [row for row in read(tmp_path, "contacts.csv") if canaries["marker"] in row["name"]]
    assert {row["customer_code"] for row in marked} == set(canaries["customer_codes"])
    assert set(canaries["phones"]) <= {row["phone"] for row in marked}
    assert len(canaries["phones"]) == 12


def test_earlier_files_are_deleted(tmp_path):
    """A second run with fewer files leaves none of the first, and no half-written one."""
    write_demo_data(tmp_path, supply_points=100, formats=("csv", "jsonl"), canaries=2, bad_lines=3)
    write_demo_data(tmp_path, supply_points=100, formats=("csv",))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("contacts.csv", "devices.jsonl", "grid.json", "manifest.json", "supply_points.csv", "teams.json")
    ]


def test_progress_reaches_the_total(tmp_path):
    """The reported progress grows and ends with the number of supply points."""
    reported: list[int] = []
    write_demo_data(tmp_path, supply_points=1_000, on_progress=reported.append)
    assert reported == sorted(reported)
    assert reported[-1] == 1_000


@pytest.mark.parametrize("arguments", [{"formats": ()}, {"formats": ("xml",)}, {"bad_lines": 101}, {"bad_lines": -1}])
def test_bad_arguments_write_nothing(tmp_path, arguments):
    """Unknown formats and a wrong number of bad lines raise an error before the directory is created."""
    with pytest.raises(ValueError, match="must"):
        write_demo_data(tmp_path / "out", supply_points=100, **arguments)
    assert not (tmp_path / "out").exists()
