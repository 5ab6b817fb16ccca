"""What a line of an import says, or why it is refused."""

import pytest

from outage_notifier.contacts.core.import_line import BadLine, read_contact, read_device, read_supply_point

CONTACT = {"customer_code": "PB11010012345", "phone": "0912 345 678", "language": "km", "consent": "true"}
POINT = {
    "supply_point_id": "SP-000001",
    "customer_code": "PB11010012345",
    "transformer_id": "TR1",
    "feeder_id": "FD1",
    "substation_id": "SS1",
    "ward_code": "31117",
    "version": "3",
}
DEVICE = {
    "customer_code": "PB11010012345",
    "kind": "fid",
    "registration": "cXb9_Yd7SfSDWbGZ0a1b2c",
    "platform": "ios",
}


def test_contacts_are_read():
    """A contact is read with its phone in E.164; columns that are not there say nothing."""
    contact = read_contact(CONTACT)
    assert (contact.phone, contact.language, contact.consent) == ("+84912345678", "km", True)
    assert (contact.name, contact.segment) == ("", None)


@pytest.mark.parametrize(
    ("change", "attribute", "value"),
    [
        ({"phone": " "}, "phone", None),
        ({"phone": "84 912.345.678"}, "phone", "+84912345678"),
        ({"consent": "FALSE"}, "consent", False),
        ({"name": " Nguyễn Văn Bé "}, "name", "Nguyễn Văn Bé"),
        ({"segment": "life_support"}, "segment", "life_support"),
        ({"segment": ""}, "segment", None),
    ],
)
def test_contact_as_written(change, attribute, value):
    """Contacts are read as people write them."""
    assert getattr(read_contact({**CONTACT, **change}), attribute) == value


@pytest.mark.parametrize(
    ("change", "reason", "column"),
    [
        ({"customer_code": "PB1101001234"}, "invalid-customer-code", "customer_code"),
        ({"customer_code": "pb11010012345"}, "invalid-customer-code", "customer_code"),
        ({"phone": "0123456789"}, "phone-not-mobile", "phone"),
        ({"phone": "02923 812 345"}, "phone-not-mobile", "phone"),
        ({"phone": "+1 202 555 0123"}, "phone-not-vietnamese", "phone"),
        ({"phone": "ask my son"}, "phone-not-a-number", "phone"),
        ({"phone": "0912345678\x00"}, "phone-not-a-number", "phone"),
        ({"language": "fr"}, "unknown-language", "language"),
        ({"language": ""}, "unknown-language", "language"),
        ({"consent": "yes"}, "not-true-or-false", "consent"),
        ({"consent": ""}, "not-true-or-false", "consent"),
        ({"name": "x" * 201}, "invalid-name", "name"),
        ({"name": "x\x00"}, "invalid-name", "name"),
        ({"segment": "vip"}, "unknown-segment", "segment"),
    ],
)
def test_bad_contacts(change, reason, column):
    """A bad contact is refused with a stable reason and its column, and no value is quoted."""
    with pytest.raises(BadLine) as refused:
        read_contact({**CONTACT, **change})
    assert (refused.value.reason, refused.value.column) == (reason, column)
    [value] = change.values()
    assert len(value) < 4 or value not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"supply_point_id": ""}, "invalid-code"),
        ({"feeder_id": "FD 1"}, "invalid-code"),
        ({"ward_code": "x" * 65}, "invalid-code"),
        ({"transformer_id": "TR1\n"}, "invalid-code"),
        ({"customer_code": "31117"}, "invalid-customer-code"),
        ({"version": "0"}, "invalid-version"),
        ({"version": "-1"}, "invalid-version"),
        ({"version": "1.0"}, "invalid-version"),
        ({"version": "٣"}, "invalid-version"),
        ({"version": str(2**53)}, "invalid-version"),
        ({"version": "9" * 5_000}, "invalid-version"),
    ],
)
def test_bad_supply_points(change, reason):
    """A bad supply point is refused with a stable reason."""
    with pytest.raises(BadLine) as refused:
        read_supply_point({**POINT, **change})
    assert refused.value.reason == reason


def test_supply_point():
    """A supply point is read without the personal columns of its line."""
    point = read_supply_point({**POINT, "address": "12 Nguyễn Trãi", "lat": "10.03", "lon": "105.78"})
    assert (point.supply_point_id, point.feeder_id, point.version) == ("SP-000001", "FD1", 3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"registration": "short"}, "invalid-registration"),
        ({"registration": "with a blank in it"}, "invalid-registration"),
        ({"kind": "apns"}, "unknown-kind"),
        ({"platform": "web"}, "unknown-platform"),
        ({"customer_code": ""}, "invalid-customer-code"),
    ],
)
def test_bad_devices(change, reason):
    """A bad device is refused with a stable reason."""
    assert read_device(DEVICE).platform == "ios"
    with pytest.raises(BadLine) as refused:
        read_device({**DEVICE, **change})
    assert refused.value.reason == reason
