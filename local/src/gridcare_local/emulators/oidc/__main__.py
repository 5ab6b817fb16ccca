"""Run the OIDC emulator: `python -m gridcare_local.emulators.oidc`."""

from gridcare_local.emulators.oidc.api import OidcEmulator
from gridcare_local.emulators.server import serve
from gridcare_local.emulators.settings import from_environment

settings = from_environment()
serve(OidcEmulator(settings), certificate=settings.certificate)
