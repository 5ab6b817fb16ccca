"""Run the Twilio emulator: `python -m gridcare_local.emulators.twilio`."""

from gridcare_local.emulators.server import serve
from gridcare_local.emulators.settings import from_environment
from gridcare_local.emulators.twilio.api import TwilioEmulator

serve(TwilioEmulator(from_environment()))
