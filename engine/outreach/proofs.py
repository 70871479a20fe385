"""A proof: a message made for one contact now and kept as captured, so that its author can look at what would go out."""

from __future__ import annotations

import json

from .. import audit
from ..access import Actor, require
from ..config import Config
from ..content import preview, templates
from ..people import contacts
from ..store import Store
from . import messages


def capture(store: Store, config: Config, name: str, who: str, *, by: Actor, now: int) -> int:
    """Keep a template as this contact would get it; the message's id. Nothing leaves the house and no event is told.

    who: e-mail address or external id. Raises NotFound: no such template or contact. BadInput: what the template lacks.
    """
    require(by, "market")
    template = templates.get(store, name)
    contact_id = contacts.must_find(store, who)
    made = preview.render(store, config, name, who)
    with store.transaction():
        messages.load(store, [{
            "contact_id": contact_id, "channel": template.channel, "template_id": template.id,
            "template_version_id": template.version_id, "class": "transactional", "status": "sent", "reason": "proof",
            "transport": "capture", "created_at": now, "due_at": now, "sent_at": now, "told_at": now, "attempts": 1}])
        message_id = int(store.one("SELECT MAX(m.id) FROM message m WHERE m.contact_id = :contact", contact=contact_id))
        messages.keep_copies(store, [{"message_id": message_id, "subject": made.subject, "html": made.html,
                                      "text": made.text, "links": json.dumps({url: url for url in made.links})}])
        audit.record(store, by, "send proof", name, now=now, contact_id=contact_id)
    return message_id
