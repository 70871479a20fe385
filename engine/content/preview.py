"""A message as one contact would get it now, without sending or counting anything."""

from __future__ import annotations

from typing import Any

from ..config import Config
from ..people import contacts
from ..store import Store
from . import templates
from .context import Readers, trigger
from .render import Rendered, Renderer


def render(store: Store, config: Config, name: str, who: str, event: dict[str, Any] | None = None, *,
           marketing: bool = True) -> Rendered:
    """The template for a contact, with links as their author wrote them.

    who: e-mail address or external id. Raises NotFound: no such template or contact. BadInput: what the template lacks.
    """
    template = templates.get(store, name)
    contact_id = contacts.must_find(store, who)
    context = Readers(store, config).load([contact_id])[contact_id]
    return Renderer(store, config).render(template.version_id, {**context, **trigger(event)}, marketing=marketing)
