"""`make audit` tells what is vulnerable from what it could not look up."""

from audit import verdict_of

GOOD = {"name": "asyncpg", "version": "0.32.0", "vulns": []}
BAD = {"name": "old", "version": "1.0", "vulns": [{"id": "PYSEC-1"}, {"id": "CVE-2"}]}
SKIPPED = {"name": "here", "skip_reason": "Dependency not found"}


def test_a_vulnerable_package_fails():
    """A known vulnerability is named and fails the audit, whatever else could not be looked up."""
    verdict = verdict_of({"dependencies": [GOOD, BAD, SKIPPED]})
    assert verdict.status == 1
    assert "old 1.0: PYSEC-1, CVE-2" in str(verdict)


def test_a_silent_database_is_told():
    """Packages that could not be looked up are no packages without a vulnerability."""
    verdict = verdict_of({"dependencies": [GOOD, SKIPPED]})
    assert verdict.status == 3
    assert "1 packages could not be looked up" in str(verdict)
    assert verdict_of({"dependencies": []}).status == 3


def test_a_clean_audit_passes():
    """When everything was looked up and nothing is known of it, the audit passes."""
    assert verdict_of({"dependencies": [GOOD]}).status == 0
