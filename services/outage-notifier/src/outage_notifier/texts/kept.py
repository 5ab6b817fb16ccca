"""The texts of notices, kept after they are written: a notice never changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from gridcare.events.notices import Channel
from outage_notifier.texts.rendering import Catalog, Rendered
from outage_notifier.texts.template import Kind

TEXTS_KEPT_MAX: Final = 1_000
"""A big notice has one text for each language and channel; one-recipient notices are rendered once each."""


@dataclass(slots=True)
class KeptTexts:
    """Writes notices, and keeps the newest texts by notice, language and channel. The `catalog` renders them."""

    catalog: Catalog
    _texts: dict[tuple[UUID, str, Channel], Rendered] = field(default_factory=dict)

    def text(
        self, notice_id: UUID, template: Kind, slots: Mapping[str, Any], language: str, channel: Channel
    ) -> Rendered:
        """Return a notice as a person reads it. Raises TemplateBroken."""
        key = (notice_id, language, channel)
        text = self._texts.get(key)
        if text is None:
            text = self.catalog.render(template, language, channel, slots)
            if len(self._texts) >= TEXTS_KEPT_MAX:
                del self._texts[next(iter(self._texts))]
            self._texts[key] = text
        return text
