"""Where Gridcare runs, as the people of the demo reach it: a stack on this machine, or another site with the same parts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from gridcare_local.emulators.journal import read_lines
from gridcare_local.emulators.oidc.keys import mint
from gridcare_local.errors import LocalStackError
from gridcare_local.stack.stack import Stack

TOKEN_LIFETIME_S: Final = 3600
LOG_SHOWN: Final = 1_500


class Site(Protocol):
    """A running Gridcare with emulated providers and a folder for the data of a made-up town."""

    @property
    def data_dir(self) -> Path: ...

    @property
    def clock_offset_s(self) -> float: ...

    def api_url(self, service: str) -> str:
        """Return the base address of a service's API."""
        ...

    def token(self, claims: Mapping[str, object]) -> str:
        """Return a bearer token with these claims."""
        ...

    def journal(self, provider: str) -> Iterator[bytes]:
        """Yield the lines of an emulator's journal, oldest first."""
        ...

    def check_alive(self) -> None:
        """Raise LocalStackError if a part is dead, where that can be seen."""
        ...


@dataclass(frozen=True, slots=True)
class StackSite:
    """A stack on this machine."""

    stack: Stack

    @property
    def data_dir(self) -> Path:
        return self.stack.root / "data"

    @property
    def clock_offset_s(self) -> float:
        return self.stack.settings.clock_offset_s

    def api_url(self, service: str) -> str:
        return self.stack.catalog.api_url(service)

    def token(self, claims: Mapping[str, object]) -> str:
        catalog = self.stack.catalog
        return mint(catalog.emulator_dir("oidc"), catalog.emulator_url("oidc"), claims, lifetime_s=TOKEN_LIFETIME_S)

    def journal(self, provider: str) -> Iterator[bytes]:
        return read_lines(self.stack.catalog.emulator_dir(provider) / "journal.jsonl")

    def check_alive(self) -> None:
        dead = [part for part in self.stack.parts() if part.running() is None]
        if dead:
            raise LocalStackError(f"{dead[0].name} died; the end of its log: {dead[0].log.read_text()[-LOG_SHOWN:]}")
