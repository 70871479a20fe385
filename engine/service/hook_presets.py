"""Mappings to begin with, for tools whose webhooks many people use. Each was written from a payload as the tool sends it; what
a workspace asks for beyond it is added by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """title: tool and topic. note: what to do on the other side. scheme: how the tool signs. sample: a payload cut down to what
    the mapping reads."""

    title: str
    note: str
    scheme: str
    mapping: dict[str, Any]
    sample: dict[str, Any]


PRESETS: dict[str, Preset] = {
    "shopify": Preset(
        "Shopify: order created", "Settings, Notifications, Webhooks: Order creation, JSON. The secret stands below the list.",
        "shopify",
        {"email": "contact_email", "fields": {"first_name": "customer.first_name", "last_name": "customer.last_name"},
         "event": {"name": "=purchase", "object": "line_items.0.title", "value": "current_total_price", "currency": "currency",
                   "occurred_at": "created_at", "message_id": "id", "props": {"order": "name", "lines": "line_items"}}},
        {"id": 820982911946154500, "name": "#9999", "contact_email": "ada@example.com",
         "created_at": "2026-01-31T19:00:00-05:00", "currency": "USD", "current_total_price": "369.97",
         "customer": {"first_name": "Ada", "last_name": "Lovelace"},
         "line_items": [{"title": "Aviator sunglasses"}]}),
    "woocommerce": Preset(
        "WooCommerce: order created", "WooCommerce, Settings, Advanced, Webhooks: topic Order created; choose a secret there.",
        "woocommerce",
        {"email": "billing.email", "fields": {"first_name": "billing.first_name", "last_name": "billing.last_name",
                                              "phone": "billing.phone", "account": "billing.company"},
         "event": {"name": "=purchase", "object": "line_items.0.name", "value": "total", "currency": "currency",
                   "occurred_at": "date_created_gmt", "message_id": "id", "props": {"order": "number", "status": "status"}}},
        {"id": 1194, "number": "1194", "status": "on-hold", "currency": "USD", "date_created_gmt": "2026-01-19T20:38:30",
         "total": "4252.00", "billing": {"first_name": "Ada", "last_name": "Lovelace", "company": "Analytical Engines",
                                         "email": "ada@example.com", "phone": "+442012345678"},
         "line_items": [{"name": "Camera"}]}),
    "stripe": Preset(
        "Stripe: checkout completed",
        "Developers, Webhooks: send checkout.session.completed only. The secret begins with whsec_.", "stripe",
        {"email": "data.object.customer_details.email",
         "event": {"name": "=purchase", "object": "data.object.mode", "value_minor": "data.object.amount_total",
                   "currency": "data.object.currency", "occurred_at": "created", "message_id": "id",
                   "props": {"session": "data.object.id"}}},
        {"id": "evt_1", "type": "checkout.session.completed", "created": 1751465619, "data": {"object": {
            "id": "cs_test_1", "mode": "payment", "amount_total": 400, "currency": "usd",
            "customer_details": {"email": "ada@example.com", "name": "Ada Lovelace"}}}}),
    "calendly": Preset(
        "Calendly: meeting booked or canceled",
        "Webhook subscription with invitee.created and invitee.canceled, and a signing_key of your choice.", "calendly",
        {"email": "payload.email", "fields": {"first_name": "payload.first_name", "last_name": "payload.last_name"},
         "event": {"name": "event", "object": "payload.scheduled_event.name", "occurred_at": "created_at",
                   "props": {"starts": "payload.scheduled_event.start_time", "questions": "payload.questions_and_answers"}}},
        {"event": "invitee.created", "created_at": "2026-01-01T09:00:00Z", "payload": {
            "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace",
            "questions_and_answers": [{"position": 1, "question": "What about?", "answer": "Plans"}],
            "scheduled_event": {"name": "Demo call", "start_time": "2026-01-05T09:00:00Z"}}}),
    "typeform": Preset(
        "Typeform: form submitted",
        "Connect, Webhooks, with a secret. Put the number of the email question (from 0) into the path.", "typeform",
        {"email": "form_response.answers.0.email",
         "event": {"name": "=form_submitted", "object": "form_response.definition.title",
                   "occurred_at": "form_response.submitted_at", "message_id": "event_id",
                   "props": {"hidden": "form_response.hidden", "score": "form_response.calculated.score"}}},
        {"event_id": "LtWXD3crgy", "form_response": {
            "submitted_at": "2026-01-18T18:17:02Z", "definition": {"title": "Webhooks example"}, "calculated": {"score": 9},
            "hidden": {"user_id": "abc123456"}, "answers": [{"type": "email", "email": "ada@example.com"}]}}),
    "zoom": Preset(
        "Zoom: registered for a webinar",
        "An app with an event subscription for Webinar Registration Created only. The secret is its Secret Token.", "zoom",
        {"email": "payload.object.registrant.email",
         "fields": {"first_name": "payload.object.registrant.first_name", "last_name": "payload.object.registrant.last_name",
                    "phone": "payload.object.registrant.phone", "account": "payload.object.registrant.org"},
         "event": {"name": "=webinar_registered", "object": "payload.object.topic", "occurred_at": "event_ts",
                   "props": {"webinar": "payload.object.id", "starts": "payload.object.start_time",
                             "questions": "payload.object.registrant.custom_questions"}}},
        {"event": "webinar.registration_created", "event_ts": 1767261600000, "payload": {"object": {
            "id": 95204914252, "topic": "Planning for growth", "start_time": "2026-01-15T17:00:00Z", "registrant": {
                "email": "ada@example.com", "first_name": "Ada", "last_name": "Lovelace", "org": "Analytical Engines",
                "phone": "+442012345678", "custom_questions": [{"title": "How large is your team?", "value": "12"}]}}}}),
    "zoom_joined": Preset(
        "Zoom: came to a webinar",
        "An app with an event subscription for Participant Joined Webinar only. The secret is its Secret Token.", "zoom",
        {"email": "payload.object.participant.email",
         "event": {"name": "=webinar_attended", "object": "payload.object.topic", "occurred_at": "event_ts",
                   "props": {"webinar": "payload.object.id", "registrant": "payload.object.participant.registrant_id"}}},
        {"event": "webinar.participant_joined", "event_ts": 1768496400000, "payload": {"object": {
            "id": "95204914252", "topic": "Planning for growth", "participant": {
                "email": "ada@example.com", "user_name": "Ada Lovelace", "registrant_id": "lR-IYqD9QUe09DlR6IjA9g"}}}}),
}
