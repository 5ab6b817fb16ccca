"""Run the VNPay emulator: `python -m gridcare_local.emulators.vnpay`."""

from gridcare_local.emulators.server import serve
from gridcare_local.emulators.settings import from_environment
from gridcare_local.emulators.vnpay.api import VnpayEmulator

settings = from_environment()
serve(VnpayEmulator(settings), certificate=settings.certificate)
