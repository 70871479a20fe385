"""Everything that is known of one person, for that person: one JSON document, or a zip of CSV files beside it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

from ... import audit
from ...access import Actor, require
from ...clock import iso
from ...errors import BadInput
from ...people import contacts, fields
from ...store import Store
from ..tables import safe_cell

# What there is of a person, by the table it stands in: names instead of numbers, oldest first.
SECTIONS: dict[str, str] = {
    "identifier": "SELECT i.kind, i.value FROM identifier i WHERE i.contact_id = :id ORDER BY i.kind, i.value",
    "consent": """SELECT s.at, s.channel, s.topic, s.purpose, s.status, s.basis, s.source, s.text_shown, s.ip FROM consent s
        WHERE s.contact_id = :id ORDER BY s.at, s.id""",
    "confirmation": """SELECT s.asked_at, s.channel, s.topic, s.text_shown, s.source, s.ip, s.mails, s.expires_at, s.ended_at,
        s.ended_as FROM confirmation s WHERE s.contact_id = :id ORDER BY s.id""",
    "contact_tag": """SELECT t.name AS tag, x.at FROM contact_tag x JOIN tag t ON t.id = x.tag_id WHERE x.contact_id = :id
        ORDER BY x.at, t.name""",
    "contact_list": """SELECT l.name AS list, x.at FROM contact_list x JOIN list l ON l.id = x.list_id
        WHERE x.contact_id = :id ORDER BY x.at, l.name""",
    "contact_change": """SELECT x.at, x.kind, x.name, x.old, x.new, x.source FROM contact_change x WHERE x.contact_id = :id
        ORDER BY x.id""",
    "buying_role": "SELECT r.role, r.at FROM buying_role r WHERE r.contact_id = :id ORDER BY r.at, r.role",
    "event": """SELECT e.occurred_at, e.received_at, e.name, e.object, e.value_minor, e.currency, e.props, e.source, e.verdict
        FROM event e WHERE e.contact_id = :id ORDER BY e.occurred_at, e.id""",
    "message": """SELECT m.created_at, m.sent_at, m.channel, t.name AS template, g.name AS campaign, j.name AS journey,
            m.status, m.reason, m.address, y.subject, y.html, y.text
        FROM message m JOIN template t ON t.id = m.template_id LEFT JOIN campaign g ON g.id = m.campaign_id
        LEFT JOIN journey j ON j.id = m.journey_id LEFT JOIN message_copy y ON y.message_id = m.id
        WHERE m.contact_id = :id ORDER BY m.created_at, m.id""",
    "score_entry": """SELECT s.at, s.grp AS score, s.points, s.reason FROM score_entry s WHERE s.contact_id = :id
        ORDER BY s.at, s.id""",
    "prediction": """SELECT r.at, o.name AS model, p.probability, p.top_share, r.source FROM prediction p
        JOIN prediction_run r ON r.id = p.run_id JOIN prediction_model o ON o.id = r.model_id WHERE p.contact_id = :id
        ORDER BY r.at, r.id""",
    "affinity": """SELECT t.name AS topic, t.half_life_s, a.kappa AS worth_one_at FROM affinity a
        JOIN affinity_topic t ON t.id = a.topic_id WHERE a.contact_id = :id ORDER BY t.name""",
    "errand": """SELECT e.created_at, e.done_at, e.kind, e.target, j.name AS journey, e.status, e.detail FROM errand e
        LEFT JOIN journey j ON j.id = e.journey_id WHERE e.contact_id = :id ORDER BY e.created_at, e.id""",
    "stage_change": "SELECT s.at, s.old, s.new, s.source FROM stage_change s WHERE s.contact_id = :id ORDER BY s.at, s.id",
    "segment_member": """SELECT s.name AS segment, s.sentence, m.entered_at FROM segment_member m
        JOIN segment s ON s.id = m.segment_id WHERE m.contact_id = :id ORDER BY m.entered_at, s.name""",
    "segment_change": """SELECT x.at, s.name AS segment, x.change FROM segment_change x JOIN segment s ON s.id = x.segment_id
        WHERE x.contact_id = :id ORDER BY x.at, x.id""",
    "task": """SELECT t.why, t.route, t.status, t.created_at, t.due_at, t.answered_at, t.reason, t.note FROM task t
        WHERE t.contact_id = :id ORDER BY t.id""",
    "enrollment": """SELECT j.name AS journey, v.number AS version, r.started_at, r.ended_at, r.status, r.reason, r.props
        FROM enrollment r JOIN journey j ON j.id = r.journey_id JOIN journey_version v ON v.id = r.version_id
        WHERE r.contact_id = :id ORDER BY r.id""",
    "token": """SELECT j.name AS journey, n.key AS step, t.arrived_at, t.due_at FROM token t JOIN node n ON n.id = t.node_id
        JOIN journey_version v ON v.id = n.version_id JOIN journey j ON j.id = v.journey_id WHERE t.contact_id = :id
        ORDER BY t.id""",
    "deal_contact": """SELECT d.deal_id AS deal, d.name, d.stage, d.amount_minor, d.currency, d.created_at, d.closed_at, d.won
        FROM deal_contact x JOIN deal d ON d.id = x.deal_id WHERE x.contact_id = :id ORDER BY d.created_at, d.id""",
    "privacy_request": """SELECT q.kind, q.received_at, q.due_at, q.done_at, q.note FROM privacy_request q
        WHERE q.contact_id = :id ORDER BY q.id""",
}
_DOCUMENTS = frozenset({"props"})


def dossier(store: Store, who: str, *, by: Actor, now: int) -> dict[str, Any]:
    """Everything on a contact (email or external id): profile, then a list of records for each section. Moments as ISO text,
    amounts in minor units. Noted in the audit log. Raises NotFound; Forbidden: only marketers and administrators may."""
    require(by, "market")
    found = contacts.get(store, who)
    known = fields.catalogue(store).values()
    row = store.records("SELECT c.* FROM contact c WHERE c.id = :id", id=found.id)[0]
    profile = {field.name: fields.shown(field, row[field.column]) for field in known}
    profile |= {"account": store.one("SELECT a.name FROM account a WHERE a.id = :id", id=row["account_id"]),
                "fit_score": found.fit_score, "engagement_score": found.engagement_score,
                "processing_restricted": found.restricted, "do_not_sell": found.do_not_sell,
                "known_since": iso(found.created_at)}
    sections = {name: [_record(one) for one in store.records(query, id=found.id)] for name, query in SECTIONS.items()}
    with store.transaction():
        audit.record(store, by, "personal data handed out", f"contact {found.id}", now=now)
    return {"made_at": iso(now), "profile": profile, **sections}


def write_dossier(document: dict[str, Any], path: Path) -> None:
    """Write it as `.json`, or as `.zip`: the document, and each section as a CSV that spreadsheets can open safely.

    Raises BadInput: another kind of file, or not writable.
    """
    try:
        if path.suffix.lower() == ".json":
            path.write_text(_text(document), encoding="utf-8")
        elif path.suffix.lower() == ".zip":
            _write_zip(document, path)
        else:
            raise BadInput(f"{path.name}: name a .json or .zip file")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from None


def _write_zip(document: dict[str, Any], path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("everything.json", _text(document))
        out.writestr("profile.csv", _table([document["profile"]]))
        for name in SECTIONS:
            if document[name]:
                out.writestr(f"{name}.csv", _table(document[name]))


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(safe_cell(name) for name in rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return "\ufeff" + text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    return safe_cell(value) if isinstance(value, str) else value


def _record(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name == "at" or name.endswith("_at"):
        return iso(value)
    return json.loads(value) if name in _DOCUMENTS else value


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)
