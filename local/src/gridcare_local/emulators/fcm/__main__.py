"""Run the FCM emulator: `python -m gridcare_local.emulators.fcm`."""

from gridcare_local.emulators.fcm.api import FcmEmulator
from gridcare_local.emulators.keys import localhost_certificate
from gridcare_local.emulators.server import serve
from gridcare_local.emulators.settings import from_environment

settings = from_environment()
certificate = settings.certificate or localhost_certificate(settings.state_dir)
emulator = FcmEmulator(settings)
serve(emulator, fast=emulator.handle, certificate=certificate)
