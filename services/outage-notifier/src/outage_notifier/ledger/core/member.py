"""A member of a batch: a recipient with the contacts that planning chose."""

from uuid import UUID

import msgspec


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A recipient in a batch, stored as an array in `batch.members`; its contacts are never chosen again.

    `contacts` are device ids (push) or one phone id (sms), as text; `notice_id` is set where the batch has none of its own,
    `home_batch_id` where this is a follow-up of another batch; `tries` counts earlier calls;
    `told_devices` took the push in an earlier batch and are no longer among the `contacts`.
    """

    number: int
    recipient_id: str
    language: str
    contacts: tuple[str, ...]
    fallback: bool = False
    notice_id: UUID | None = None
    home_batch_id: UUID | None = None
    tries: int = 0
    told_before: bool = False
    told_devices: tuple[str, ...] = ()
