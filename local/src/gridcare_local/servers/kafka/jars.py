"""The jars of Apache Kafka, fetched once per user according to the committed list of coordinates and checksums."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gridcare_local.errors import LocalStackError
from gridcare_local.servers.cache import cache_dir, file_lock

MIRROR_VARIABLE = "GRIDCARE_MAVEN_MIRROR"
FOLDER_VARIABLE = "GRIDCARE_JARS_DIR"
LIST = Path(__file__).with_name("jars.txt")
PARALLEL_MAX = 8
LOCK_TIMEOUT_S = 900.0  # another clone may be fetching all of them over a slow connection
SHA256_HEX_LENGTH = 64

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Jar:
    """One file of the list. `coordinates` are group:artifact:version."""

    coordinates: str
    sha256: str

    @property
    def file_name(self) -> str:
        """The file's name in the cache, as in a Maven repository."""
        _, artifact, version = self.coordinates.split(":")
        return f"{artifact}-{version}.jar"


def read_list(path: Path = LIST) -> list[Jar]:
    """Read lines of `coordinates sha256`, ignoring comments (`#`). Raises ValueError with the number of a bad line."""
    jars = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.split("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or words[0].count(":") != 2 or len(words[1]) != SHA256_HEX_LENGTH:  # noqa: PLR2004 - two columns, two colons
            raise ValueError(f"{path.name} line {number}: not `group:artifact:version sha256`")
        jars.append(Jar(words[0], words[1]))
    return jars


def ensure_jars(
    jars: Sequence[Jar] | None = None,
    *,
    folder: Path | None = None,
    mirror: str | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Return the paths of all jars (by default those of the list), after fetching the missing and damaged ones.

    They are kept in `folder`, by default $GRIDCARE_JARS_DIR or the user's cache, which several processes may use at once and
    which is not written to when it holds them all. `mirror` is the
    base address of a Maven repository, by default $GRIDCARE_MAVEN_MIRROR or the public one. `progress(done, of)` is
    called for each jar that was fetched. Raises LocalStackError with advice if a jar cannot be fetched or has the wrong
    checksum.
    """
    jars = read_list() if jars is None else jars
    folder = _default_folder() if folder is None else folder
    if _missing(jars, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with file_lock(folder / "lock", timeout_s=LOCK_TIMEOUT_S):
            _fetch_all(_missing(jars, folder), folder, mirror or os.environ.get(MIRROR_VARIABLE) or None, progress)
    return [folder / jar.file_name for jar in jars]


def _default_folder() -> Path:
    configured = os.environ.get(FOLDER_VARIABLE)
    return Path(configured) if configured else cache_dir() / "jars"


def _missing(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    return [jar for jar in jars if not _is_good(folder / jar.file_name, jar.sha256)]


def _fetch_all(jars: Sequence[Jar], folder: Path, mirror: str | None, progress: Progress | None) -> None:
    from gridcare_local.servers.kafka.maven import fetch, make_downloader  # noqa: PLC0415 - slow to import, and used once per user

    downloader = make_downloader(mirror)
    failures: list[str] = []

    def fetch_one(jar: Jar) -> str | None:
        return fetch(downloader, jar.coordinates, jar.sha256, folder / jar.file_name)

    with ThreadPoolExecutor(PARALLEL_MAX) as threads:
        for done, failure in enumerate(threads.map(fetch_one, jars), start=1):
            if failure is not None:
                failures.append(failure)
            if progress is not None:
                progress(done, len(jars))
    if failures:
        raise LocalStackError(_advice(failures, len(jars), folder))


def _advice(failures: Sequence[str], wanted: int, folder: Path) -> str:
    return (
        f"{len(failures)} of {wanted} jars of Apache Kafka could not be fetched; the first: {failures[0]}\n"
        "What to do:\n"
        "  - run it again: what arrived is kept;\n"
        f"  - behind a proxy or with a mirror: set https_proxy, or {MIRROR_VARIABLE} to a Maven repository's base address;\n"
        f"  - without a network: copy the files that jars.txt lists into {folder} from another machine;\n"
        "  - with a broker of your own: set GRIDCARE_KAFKA_BOOTSTRAP=host:port, and none is fetched."
    )


def _is_good(path: Path, sha256: str) -> bool:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    except FileNotFoundError:
        return False
