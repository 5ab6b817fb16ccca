"""Each process of a stack is given the secrets that it reads."""

from billing_gateway.__main__ import SERVICE as GATEWAY
from gridcare.process.settings import PREFIX
from gridcare_local.stack.catalog import SERVICES, USERS, Catalog
from gridcare_local.stack.settings import StackSettings
from outage_notifier.__main__ import SERVICE as NOTIFIER


def test_secrets_only_where_read(tmp_path):
    """A secret goes to the processes whose settings have it, and to no other."""
    settings = StackSettings.load(tmp_path)
    settings.addresses = {
        "kafka": "127.0.0.1:1",
        "outage_notifier": "postgresql://o",
        "billing_gateway": "postgresql://b",
    }
    catalog = Catalog(settings)
    catalog.claim_ports(())
    settings.ports |= dict.fromkeys(("twilio", "fcm", "oidc"), 1)
    for service in (NOTIFIER, GATEWAY):
        for process in SERVICES[service.name]:
            read = {PREFIX + name.upper() for name in service.settings()[process].model_fields}
            assert catalog.environment(service.name, process).keys() & USERS.keys() == read & USERS.keys()
