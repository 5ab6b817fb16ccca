"""Audit what the images hold: known vulnerabilities, and a CycloneDX bill of materials for each image.

The bills are written to .local/audit/<image>.cdx.json. Exits with 0 if everything was looked up and nothing is known of it,
with 1 if a package has a known vulnerability, and with 3 if some packages could not be looked up: the database was not reached,
or the index is a mirror that does not answer questions about vulnerabilities.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
OUT: Final = ROOT / ".local" / "audit"
IMAGES: Final = ("outage-notifier", "repair-intake", "billing-gateway")
BIN: Final = Path(sys.executable).parent
VULNERABLE: Final = 1
UNKNOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the database knows of an image's packages: `package version: ids` of the vulnerable, names of those not looked up."""

    looked_up: int
    vulnerable: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def status(self) -> int:
        """The exit status."""
        return VULNERABLE if self.vulnerable else UNKNOWN if self.unknown or not self.looked_up else 0

    def __str__(self) -> str:
        lines = [f"  {line}" for line in self.vulnerable]
        if self.unknown:
            lines.append(
                f"  {len(self.unknown)} packages could not be looked up: the database was not reached, or does not know them"
            )
        return "\n".join([f"{self.looked_up} packages looked up, {len(self.vulnerable)} vulnerable", *lines])


def verdict_of(report: dict[str, Any]) -> Verdict:
    """Read pip-audit's JSON report."""
    packages = report["dependencies"]
    known = [each for each in packages if "skip_reason" not in each]
    return Verdict(
        looked_up=len(known),
        vulnerable=tuple(
            f"{each['name']} {each['version']}: {', '.join(found['id'] for found in each['vulns'])}"
            for each in known
            if each["vulns"]
        ),
        unknown=tuple(each["name"] for each in packages if "skip_reason" in each),
    )


def audit(image: str) -> Verdict:
    """Look up every package of an image."""
    command = [BIN / "pip-audit", "--requirement", f"requirements/{image}.txt", "--require-hashes", "--disable-pip"]
    options = ("--format", "json", "--progress-spinner", "off", "--timeout", "15")
    done = subprocess.run([*command, *options], capture_output=True, text=True, check=False, cwd=ROOT)  # noqa: S603 - our own arguments
    try:
        return verdict_of(json.loads(done.stdout))
    except json.JSONDecodeError:  # it gives up when a request fails
        sys.stderr.write(done.stderr[-500:])
        return Verdict(0, (), (image,))


def write_bill(image: str) -> Path:
    """Write an image's bill of materials. Raises CalledProcessError."""
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{image}.cdx.json"
    command = [
        BIN / "cyclonedx-py",
        "requirements",
        f"requirements/{image}.txt",
        "--output-reproducible",
        "--output-file",
        path,
    ]
    subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603 - our own arguments
    return path


def main() -> int:
    """Audit every image and return the worst exit status."""
    statuses = []
    for image in IMAGES:
        verdict = audit(image)
        statuses.append(verdict.status)
        sys.stdout.write(f"{image}: {verdict}\n  bill of materials: {write_bill(image).relative_to(ROOT)}\n")
    return VULNERABLE if VULNERABLE in statuses else max(statuses)


if __name__ == "__main__":
    sys.exit(main())
