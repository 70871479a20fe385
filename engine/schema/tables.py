"""Every table: its definition, and the room that alone writes it.

{id} is a generated key that is never reused, {big} a 64-bit integer (ids, UTC seconds, minor units, flags 0/1),
{real} a double, {json} a JSON document. Text keys called `key` are folded names.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """`owner` is a module or floor below `engine`, with dots; only code under it may write the table."""

    name: str
    owner: str
    columns: str
    indexes: tuple[str, ...] = ()  # "name (columns)" or "UNIQUE name (columns) WHERE …"

    @property
    def statements(self) -> list[str]:
        """The definition as statements for `Store.script`."""
        made = [f"CREATE TABLE IF NOT EXISTS {self.name} ({self.columns})"]
        for index in self.indexes:
            unique, rest = ("UNIQUE ", index[7:]) if index.startswith("UNIQUE ") else ("", index)
            name, columns = rest.split(" ", 1)
            made.append(f"CREATE {unique}INDEX IF NOT EXISTS {name} ON {self.name} {columns}")
        return made


GROUND = (
    Table("setting", "access", "key TEXT PRIMARY KEY, value {json} NOT NULL"),
    Table("app_user", "access", "email TEXT PRIMARY KEY, name TEXT, role TEXT NOT NULL, created_at {big} NOT NULL"),
    Table("write_key", "access", """id {id}, name TEXT NOT NULL, key_hash TEXT NOT NULL UNIQUE, created_at {big} NOT NULL,
        revoked_at {big}"""),
    Table("audit", "audit", """id {id}, at {big} NOT NULL, actor TEXT NOT NULL, role TEXT NOT NULL, action TEXT NOT NULL,
        subject TEXT NOT NULL, detail {json} NOT NULL""", ("audit_subject (subject, id)",)),
    Table("heartbeat", "service.health", """name TEXT PRIMARY KEY, at {big} NOT NULL, pid {big} NOT NULL, host TEXT NOT NULL,
        detail {json} NOT NULL"""),
    # How far a consumer has come: the newest event it has heard, and the moment up to which time has been dealt with.
    Table("watermark", "schema", "name TEXT PRIMARY KEY, event_id {big} NOT NULL, at {big} NOT NULL"),
    Table("zone_span", "maths.zones", """zone TEXT NOT NULL, from_at {big} NOT NULL, until_at {big} NOT NULL,
        offset_s {big} NOT NULL, PRIMARY KEY (zone, from_at)"""),
    # One command that changed many contacts: an import, or a fix. ranges: the ids of the rows it wrote, so that it can be
    # undone: {"contact": [[first, last], …], "contact_change": …, "consent": …}.
    Table("import_batch", "service.batches", """id {id}, kind TEXT NOT NULL, file TEXT NOT NULL, at {big} NOT NULL,
        actor TEXT NOT NULL, counts {json} NOT NULL, source TEXT NOT NULL, ranges {json} NOT NULL, undone_at {big}"""),
    # Rows that another database is asked for on a timer. secret: the name of its URL, never the URL. watermark: the largest
    # value of the column that has been imported. last: what the newest run did.
    Table("pull", "service.pulls", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, kind TEXT NOT NULL,
        secret TEXT NOT NULL, query TEXT NOT NULL, column_name TEXT NOT NULL, every_s {big} NOT NULL, settings {json} NOT NULL,
        state TEXT NOT NULL, watermark {json}, next_at {big} NOT NULL, last_at {big}, last {json}, created_at {big} NOT NULL,
        updated_at {big} NOT NULL"""),
    # Rows of a pull that could not be taken, the newest ones only.
    Table("pull_error", "service.pulls", """id {id}, pull_id {big} NOT NULL, at {big} NOT NULL, column_name TEXT,
        message TEXT NOT NULL, payload {json} NOT NULL""", ("pull_error_pull (pull_id, id)",)),
    # A URL of the collector that somebody else's tool posts JSON to. mapping: what becomes of it; sample: one of its payloads;
    # signing: how the tool signs, with the *names* of secrets.
    Table("hook", "service.hooks", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, key_hash TEXT NOT NULL UNIQUE,
        mapping {json} NOT NULL, sample TEXT, signing {json}, created_at {big} NOT NULL, updated_at {big} NOT NULL,
        revoked_at {big}"""),
    # How clean the contacts were on a day, by kind of finding; kind `contacts`: how many there were.
    Table("quality_count", "service.quality", """day {big} NOT NULL, kind TEXT NOT NULL, count {big} NOT NULL,
        PRIMARY KEY (day, kind)"""),
)

PEOPLE = (
    # hash31: a stored hash of the identity the contact came with; arms of tests are arithmetic on it.
    # held_until: sales is talking to them; marketing waits until then.
    # do_not_sell: 1 when the person said so (CCPA): never part of an export for a third party.
    # anonymous: a visitor known by a cookie only; in no segment, journey or count until identified.
    Table("contact", "people.contacts", """id {id}, external_id TEXT, email TEXT, phone TEXT, first_name TEXT, last_name TEXT,
        time_zone TEXT, locale TEXT, preferred_channel TEXT, stage TEXT, account_id {big}, owner TEXT, source TEXT,
        fit_score {big} NOT NULL DEFAULT 0, engagement_score {big} NOT NULL DEFAULT 0, hash31 {big} NOT NULL,
        anonymous {big} NOT NULL DEFAULT 0, restricted {big} NOT NULL DEFAULT 0, is_test {big} NOT NULL DEFAULT 0,
        do_not_sell {big}, held_until {big}, created_at {big} NOT NULL, updated_at {big} NOT NULL""",
          ("contact_stage (stage, anonymous)", "contact_account (account_id)",
           "contact_created (created_at, anonymous, is_test, stage)", "contact_test (is_test) WHERE is_test = 1",
           "contact_known (id, anonymous) WHERE anonymous = 0",  # with what the test reads, so that it is read alone
           "contact_score ((engagement_score + fit_score), id, anonymous) WHERE engagement_score + fit_score <> 0")),
    # kind: email (normalized), external_id, phone, anonymous_id. address_hash: what the suppression list keeps.
    Table("identifier", "people.contacts", """kind TEXT NOT NULL, value TEXT NOT NULL, contact_id {big} NOT NULL,
        address_hash TEXT, PRIMARY KEY (kind, value)""",
          ("identifier_contact (contact_id)", "identifier_hash (address_hash) WHERE address_hash IS NOT NULL")),
    Table("contact_merge", "people.contacts", """id {id}, keeper_id {big} NOT NULL, loser_id {big} NOT NULL, at {big} NOT NULL,
        actor TEXT NOT NULL, detail {json} NOT NULL""", ("contact_merge_loser (loser_id)",)),
    # Pairs that looked like one person and are two.
    Table("kept_apart", "people.duplicates", """low_id {big} NOT NULL, high_id {big} NOT NULL, at {big} NOT NULL,
        PRIMARY KEY (low_id, high_id)"""),
    # kind: field, tag, list, stage, owner, account, role. A contact's first values are no change.
    Table("contact_change", "people.contacts", """id {id}, contact_id {big} NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
        old TEXT, new TEXT, at {big} NOT NULL, source TEXT NOT NULL""", ("contact_change_contact (contact_id, id)",
                                            "contact_change_stage (new, at, contact_id) WHERE kind = 'stage'",
                                            "contact_change_first (contact_id, id, at, new) WHERE kind = 'stage'")),
    # Visits of a journey node that have added to a number of their contact.
    Table("field_step", "people.contacts", """node_id {big} NOT NULL, token_id {big} NOT NULL, visit {big} NOT NULL,
        PRIMARY KEY (node_id, token_id, visit)"""),
    # Contacts whose facts changed since the watch last looked. Deleted when looked at.
    Table("dirty_contact", "people.dirty", "id {id}, contact_id {big} NOT NULL"),
    # people to last_active_at: what is rolled up from the people there (accounts/rollups.py says how). roles: a JSON list.
    Table("account", "people.accounts", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, domain TEXT, industry TEXT,
        employees {big}, revenue {real}, country TEXT, city TEXT, people {big} NOT NULL DEFAULT 0,
        score {big} NOT NULL DEFAULT 0, open_deals {big} NOT NULL DEFAULT 0, won_deals {big} NOT NULL DEFAULT 0, roles TEXT,
        last_active_at {big}, created_at {big} NOT NULL, updated_at {big} NOT NULL""", ("account_domain (domain)",)),
    # name: a fact or a roll-up. What an account came with is no change.
    Table("account_change", "people.accounts", """id {id}, account_id {big} NOT NULL, name TEXT NOT NULL, old TEXT, new TEXT,
        at {big} NOT NULL""", ("account_change_account (account_id, id)",)),
    # Accounts that somebody left, so that they are rolled up again. Deleted when that is done.
    Table("dirty_account", "people.accounts", "id {id}, account_id {big} NOT NULL"),
    # What somebody is to the decision of their company; said of the account the contact belongs to now.
    Table("buying_role", "people.accounts", """contact_id {big} NOT NULL, role TEXT NOT NULL, at {big} NOT NULL,
        PRIMARY KEY (contact_id, role)"""),
    # column_name: cf_<id> on the contact (or account) table. kind: text number date datetime bool enum list.
    Table("field", "people.fields", """id {id}, entity TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL,
        kind TEXT NOT NULL, options {json} NOT NULL, column_name TEXT NOT NULL, created_at {big} NOT NULL,
        UNIQUE (entity, key)"""),
    Table("tag", "people.contacts", "id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL"),
    Table("contact_tag", "people.contacts", """contact_id {big} NOT NULL, tag_id {big} NOT NULL, at {big} NOT NULL,
        PRIMARY KEY (contact_id, tag_id)""", ("contact_tag_tag (tag_id, contact_id)",)),
    Table("list", "people.contacts", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, description TEXT,
        created_at {big} NOT NULL"""),
    Table("contact_list", "people.contacts", """contact_id {big} NOT NULL, list_id {big} NOT NULL, at {big} NOT NULL,
        PRIMARY KEY (contact_id, list_id)""", ("contact_list_list (list_id, contact_id)",)),
    # A ledger: the newest row (at, id) of a contact, channel and topic is the state. topic '' is the channel as a whole.
    # status: subscribed, unsubscribed, pending, bounced, complained.
    Table("consent", "people.consent", """id {id}, contact_id {big} NOT NULL, channel TEXT NOT NULL, topic TEXT NOT NULL,
        purpose TEXT NOT NULL, status TEXT NOT NULL, basis TEXT NOT NULL, source TEXT NOT NULL, text_shown TEXT, ip TEXT,
        at {big} NOT NULL, actor TEXT NOT NULL""", ("consent_state (contact_id, channel, topic, at, id, status)",)),
    # The hash chains of `consent` and `audit`, in the order of sealing. subject_id: whose consent it was when it was sealed.
    # salt: what proves the row; NULL once the row has been forgotten.
    Table("chain_link", "people.chain", """id {id}, ledger TEXT NOT NULL, row_id {big} NOT NULL, subject_id {big}, salt TEXT,
        payload_hash TEXT NOT NULL, row_hash TEXT NOT NULL, UNIQUE (ledger, row_id)""", ("chain_link_order (ledger, id)",)),
    # level: global, channel, topic. Kept by salted hash, so it survives the erasure of the contact.
    Table("suppression", "people.consent", """id {id}, address_hash TEXT NOT NULL, level TEXT NOT NULL, channel TEXT NOT NULL,
        topic TEXT NOT NULL, reason TEXT NOT NULL, evidence TEXT, at {big} NOT NULL, actor TEXT NOT NULL,
        released_at {big}""", ("UNIQUE suppression_one (address_hash, level, channel, topic) WHERE released_at IS NULL",)),
    # kind: access, erase, restrict, lift, object, rectify, do_not_sell.
    Table("privacy_request", "service.privacy", """id {id}, kind TEXT NOT NULL, contact_id {big} NOT NULL,
        received_at {big} NOT NULL, due_at {big} NOT NULL, done_at {big}, note TEXT""",
          ("privacy_request_open (due_at) WHERE done_at IS NULL", "privacy_request_contact (contact_id)")),
    Table("deal", "people.deals", """id {id}, deal_id TEXT NOT NULL UNIQUE, name TEXT, stage TEXT, amount_minor {big},
        currency TEXT, created_at {big} NOT NULL, closed_at {big}, won {big}, lost_reason TEXT, source_campaign TEXT,
        owner TEXT, updated_at {big} NOT NULL""", ("deal_closed (closed_at)",)),
    Table("deal_contact", "people.deals", """deal_id {big} NOT NULL, contact_id {big} NOT NULL,
        PRIMARY KEY (deal_id, contact_id)""", ("deal_contact_contact (contact_id)",)),
)

ACTIVITY = (
    # object: the main property (path, link, product, segment id), folded. historic: imported; wakes nothing.
    # verdict: human, machine or NULL = not judged. message_id: the message that an open, click or reply belongs to.
    Table("event", "activity.events", """id {id}, contact_id {big} NOT NULL, name TEXT NOT NULL, object TEXT,
        occurred_at {big} NOT NULL, received_at {big} NOT NULL, value_minor {big}, currency TEXT, props {json} NOT NULL,
        dedupe_key TEXT NOT NULL UNIQUE, source TEXT NOT NULL, historic {big} NOT NULL DEFAULT 0, verdict TEXT,
        message_id {big}""",
          ("event_contact (contact_id, name, occurred_at, id, verdict, message_id, object)",  # all that rules ask of a few
           "event_what (name, object, occurred_at, contact_id, verdict)",
           "event_when (name, occurred_at, contact_id, verdict, message_id, value_minor, currency)",
           "event_machine (name, contact_id) WHERE verdict = 'machine'")),
    # A verdict on an event that was changed later; the newest one is the event's own. NULL: not judged.
    Table("verdict_change", "activity.verdicts", """id {id}, event_id {big} NOT NULL, old TEXT, new TEXT,
        at {big} NOT NULL, actor TEXT NOT NULL, reason TEXT""", ("verdict_change_event (event_id, id)",)),
    # What came in and could not be used, and why. The newest ones only.
    Table("refusal", "activity.intake", """id {id}, at {big} NOT NULL, kind TEXT NOT NULL, dedupe_key TEXT NOT NULL,
        reason TEXT NOT NULL, payload {json} NOT NULL"""),
)

AUDIENCE = (
    # refreshed_at: when everybody was last asked, which took so many seconds; differences: what the newest nightly audit found.
    Table("segment", "audience", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, rule {json} NOT NULL,
        sentence TEXT NOT NULL, version {big} NOT NULL, status TEXT NOT NULL DEFAULT 'live', created_at {big} NOT NULL,
        updated_at {big} NOT NULL, refreshed_at {big}, seconds {real}, differences {big} NOT NULL DEFAULT 0,
        reviewed_at {big}"""),
    Table("segment_version", "audience.segments", """segment_id {big} NOT NULL, version {big} NOT NULL, rule {json} NOT NULL,
        at {big} NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (segment_id, version)"""),
    Table("segment_member", "audience.watch", """segment_id {big} NOT NULL, contact_id {big} NOT NULL,
        entered_at {big} NOT NULL, PRIMARY KEY (segment_id, contact_id)""", ("segment_member_contact (contact_id)",)),
    Table("segment_change", "audience.watch", """id {id}, segment_id {big} NOT NULL, contact_id {big} NOT NULL,
        change TEXT NOT NULL, at {big} NOT NULL""",
          ("segment_change_segment (segment_id, at)", "segment_change_contact (contact_id)")),
    # document: {event, where} or {rule}, points, group, caps. segment_id: the state of a rule, kept by the watch.
    Table("score_rule", "audience.scoring", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, version {big} NOT NULL,
        status TEXT NOT NULL, document {json} NOT NULL, sentence TEXT NOT NULL, segment_id {big}, created_at {big} NOT NULL,
        updated_at {big} NOT NULL"""),
    Table("score_rule_version", "audience.scoring", """rule_id {big} NOT NULL, version {big} NOT NULL, document {json} NOT NULL,
        at {big} NOT NULL, actor TEXT NOT NULL, PRIMARY KEY (rule_id, version)"""),
    # The score that was told last, and when it falls by itself.
    Table("score_level", "audience.scoring", """contact_id {big} NOT NULL, grp TEXT NOT NULL, score {big} NOT NULL,
        falls_at {big}, PRIMARY KEY (contact_id, grp)""", ("score_level_falls (falls_at) WHERE falls_at IS NOT NULL",)),
    # grp: fit or engagement. One entry per visit of a journey node, or per score rule and event.
    # uncounted: 1 until the score is made equal to the sum; 2 the same, and nobody is told since the cause is history.
    Table("score_entry", "audience.scoring", """id {id}, contact_id {big} NOT NULL, grp TEXT NOT NULL, points {big} NOT NULL,
        reason TEXT NOT NULL, at {big} NOT NULL, node_id {big}, token_id {big}, visit {big}, rule_id {big},
        event_id {big}, uncounted {big} NOT NULL DEFAULT 0""",
          ("score_entry_contact (contact_id, id)", "UNIQUE score_entry_once (node_id, token_id, visit)",
           "UNIQUE score_entry_event (rule_id, event_id)", "score_entry_rule (rule_id, contact_id) WHERE rule_id IS NOT NULL",
           "score_entry_uncounted (contact_id) WHERE uncounted > 0")),
    Table("stage_rule", "audience.lifecycle", """stage TEXT PRIMARY KEY, rule {json} NOT NULL, sentence TEXT NOT NULL,
        regress {big} NOT NULL, segment_id {big} NOT NULL, updated_at {big} NOT NULL"""),
    # by_hand: a person decided it, and rules respect that.
    Table("stage_change", "audience.lifecycle", """id {id}, contact_id {big} NOT NULL, old TEXT, new TEXT NOT NULL,
        at {big} NOT NULL, source TEXT NOT NULL, by_hand {big} NOT NULL DEFAULT 0""", ("stage_change_contact (contact_id, id)",
                                                      "stage_change_new (new, at, contact_id)")),
    # place: the order in which they are asked. segment_id: its own rule and in none before it, kept by the watch.
    Table("persona", "audience.personas", """key TEXT PRIMARY KEY, name TEXT NOT NULL, place {big} NOT NULL,
        rule {json} NOT NULL, sentence TEXT NOT NULL, notes TEXT NOT NULL, segment_id {big} NOT NULL,
        updated_at {big} NOT NULL""", ("persona_segment (segment_id)",)),
    # What content may be about. value: a path, a link or the name of a template; each holds for whatever stands below it.
    Table("affinity_topic", "audience.affinity", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        half_life_s {big} NOT NULL, updated_at {big} NOT NULL"""),
    Table("affinity_content", "audience.affinity", """topic_id {big} NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,
        template_id {big}, PRIMARY KEY (topic_id, kind, value)"""),
    # kappa = at + half_life_s * log2(value): one number that holds while nothing happens; UTC seconds.
    Table("affinity", "audience.affinity", """contact_id {big} NOT NULL, topic_id {big} NOT NULL, kappa {real} NOT NULL,
        PRIMARY KEY (contact_id, topic_id)""", ("affinity_kappa (topic_id, kappa, contact_id)",)),
    Table("prediction_model", "audience.predictions", "id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL"),
    Table("prediction_run", "audience.predictions", """id {id}, model_id {big} NOT NULL, at {big} NOT NULL,
        source TEXT NOT NULL, contacts {big} NOT NULL""", ("prediction_run_model (model_id, at, id)",)),
    # (of runs) contacts: how many it speaks of; 0 until it is whole.
    # probability 0–1; top_share: the place from the top over how many were ranked.
    Table("prediction", "audience.predictions", """run_id {big} NOT NULL, contact_id {big} NOT NULL,
        probability {real} NOT NULL, top_share {real} NOT NULL, PRIMARY KEY (run_id, contact_id)""",
          ("prediction_probability (run_id, probability)", "prediction_top (run_id, top_share)",
           "prediction_contact (contact_id)")),
    # weekdays: a list of 0 (Monday) to 6. turn, last_turn: where the round robin stands, in millionths of a lead.
    Table("sales_rep", "audience.routing", """email TEXT PRIMARY KEY, name TEXT NOT NULL, weight {big} NOT NULL, capacity {big},
        zone TEXT NOT NULL, opens_s {big} NOT NULL, shuts_s {big} NOT NULL, weekdays {json} NOT NULL, away_from {big},
        away_until {big}, turn {big} NOT NULL, last_turn {big} NOT NULL"""),
    Table("routing_rule", "audience.routing", """key TEXT PRIMARY KEY, name TEXT NOT NULL, place {big} NOT NULL, rule {json},
        sentence TEXT NOT NULL, reps {json} NOT NULL, updated_at {big} NOT NULL"""),
    # A contact handed to sales. owner: a rep by email, NULL in the fallback queue. status: open, accepted, rejected, done.
    # due_at: when an answer is due; NULL while nobody has it. reason: why it was rejected.
    Table("task", "audience.routing", """id {id}, contact_id {big} NOT NULL, owner TEXT, why TEXT NOT NULL, route TEXT NOT NULL,
        status TEXT NOT NULL, created_at {big} NOT NULL, due_at {big}, snoozed_until {big}, answered_at {big},
        answered_by TEXT, reason TEXT, note TEXT""",
          ("UNIQUE task_open (contact_id) WHERE status = 'open'", "task_contact (contact_id, id)",
           "task_due (due_at) WHERE status = 'open'", "task_owner (owner, status)")),
    # Each rep a task came to. outcome NULL: has it now; accepted, rejected, breached, taken (by another), left (the team).
    Table("task_turn", "audience.routing", """id {id}, task_id {big} NOT NULL, rep TEXT NOT NULL, at {big} NOT NULL,
        ended_at {big}, outcome TEXT""", ("task_turn_task (task_id)", "task_turn_rep (rep, at)")),
)

CONTENT = (
    Table("template", "content.templates", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, channel TEXT NOT NULL,
        version_id {big}, created_at {big} NOT NULL, updated_at {big} NOT NULL, archived_at {big}"""),
    Table("template_version", "content.templates", """id {id}, template_id {big} NOT NULL, version {big} NOT NULL,
        subject TEXT, preheader TEXT, html TEXT, text TEXT, source TEXT, source_kind TEXT NOT NULL, at {big} NOT NULL,
        actor TEXT NOT NULL, UNIQUE (template_id, version)"""),
    # Where a tracked link leads. One row per distinct address in what a template version rendered.
    Table("link", "content.links", """id {id}, template_version_id {big} NOT NULL, url TEXT NOT NULL,
        UNIQUE (template_version_id, url)"""),
)

OUTREACH = (
    # Somebody was asked by mail whether they mean it (double opt-in). mails: how often; message_id: the newest one. made: 1
    # when the contact came to be by asking, and goes again when nobody answers. ended_as: confirmed, unsubscribed or lapsed.
    Table("confirmation", "outreach.opt_in", """id {id}, contact_id {big} NOT NULL, channel TEXT NOT NULL, topic TEXT NOT NULL,
        text_shown TEXT NOT NULL, source TEXT NOT NULL, ip TEXT, made {big} NOT NULL DEFAULT 0, mails {big} NOT NULL,
        message_id {big} NOT NULL, asked_at {big} NOT NULL, expires_at {big} NOT NULL, ended_at {big}, ended_as TEXT""",
          ("UNIQUE confirmation_open (contact_id, channel, topic) WHERE ended_at IS NULL",
           "confirmation_message (message_id)", "confirmation_asked (asked_at) WHERE ended_at IS NULL")),
    Table("campaign", "outreach.campaigns", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, owner TEXT, goal TEXT,
        budget_minor {big}, currency TEXT, starts_at {big}, ends_at {big}, utm_name TEXT, created_at {big} NOT NULL"""),
    # One intended send. class: marketing or transactional. status: queued, admitted, sending, then one of the terminal
    # sent, skipped, failed, unknown, canceled. channel is what the journey asked for, transport what carried it.
    # reason: a code; detail: the words of whoever refused. round: rises when a person queues it again. told_at: when its
    # outcome went to the inbox as an event.
    Table("message", "outreach.messages", """id {id}, journey_id {big}, enrollment_id {big}, node_id {big}, token_id {big},
        visit {big}, contact_id {big} NOT NULL, channel TEXT NOT NULL, template_id {big} NOT NULL,
        template_version_id {big}, campaign_id {big}, topic TEXT NOT NULL DEFAULT '', priority {big} NOT NULL DEFAULT 0,
        class TEXT NOT NULL DEFAULT 'marketing', status TEXT NOT NULL, reason TEXT, transport TEXT, address TEXT,
        provider_id TEXT, created_at {big} NOT NULL, due_at {big} NOT NULL, admitted_at {big}, claimed_at {big},
        sent_at {big}, attempts {big} NOT NULL DEFAULT 0, detail TEXT, round {big} NOT NULL DEFAULT 0, told_at {big},
        UNIQUE (token_id, visit, node_id)""",
          ("message_contact (contact_id, created_at)", "message_open (status, due_at, id) "
           "WHERE status IN ('queued', 'admitted', 'sending')",
           "message_astray (status, id) WHERE status IN ('skipped', 'failed', 'unknown', 'canceled')",
           "message_untold (id) WHERE told_at IS NULL AND status IN ('sent', 'failed', 'unknown')")),
    # Something to be carried out of the house that is no message to the contact. kind: webhook (target: an address, body:
    # JSON or NULL for all we know) or notice (target: owner or an e-mail address, body: subject and text; of no journey
    # where routing tells a rep). holds: the contact waits for its end. status: queued, sending (a notice that is being handed
    # over), done, dead, unknown or canceled. round: rises when a person retries it.
    Table("errand", "outreach.errands", """id {id}, kind TEXT NOT NULL, journey_id {big}, enrollment_id {big}, node_id {big},
        token_id {big}, visit {big}, contact_id {big} NOT NULL, target TEXT NOT NULL, body {json}, holds {big} NOT NULL,
        status TEXT NOT NULL DEFAULT 'queued', attempts {big} NOT NULL DEFAULT 0, round {big} NOT NULL DEFAULT 0,
        created_at {big} NOT NULL, due_at {big} NOT NULL, done_at {big}, detail TEXT, told_at {big},
        UNIQUE (token_id, visit, node_id)""",
          ("errand_due (due_at, id) WHERE status = 'queued'", "errand_contact (contact_id)",
           "errand_sending (id) WHERE status = 'sending'", "errand_letter (target, id) WHERE journey_id IS NULL",
           "errand_untold (id) WHERE told_at IS NULL AND status IN ('done', 'dead')")),
    # What was really sent, kept for the timeline; erased with the contact.
    Table("message_copy", "outreach.messages", """message_id {big} PRIMARY KEY, subject TEXT, html TEXT, text TEXT,
        links {json} NOT NULL"""),
)

JOURNEYS = (
    # status: draft (never published), live, paused, draining, archived.
    # owner: whoever answers for it, as people write their names.
    Table("journey", "journeys", """id {id}, key TEXT NOT NULL UNIQUE, name TEXT NOT NULL, status TEXT NOT NULL,
        campaign_id {big}, version_id {big}, created_at {big} NOT NULL, updated_at {big} NOT NULL, owner TEXT"""),
    # What people say to each other about a journey; node: the step it is about, by key.
    Table("journey_comment", "journeys", """id {id}, journey_id {big} NOT NULL, node TEXT, at {big} NOT NULL,
        author TEXT NOT NULL, text TEXT NOT NULL, resolved_at {big}""", ("journey_comment_journey (journey_id, id)",)),
    Table("journey_draft", "journeys", """journey_id {big} PRIMARY KEY, document TEXT NOT NULL, rev {big} NOT NULL,
        updated_at {big} NOT NULL, updated_by TEXT NOT NULL"""),
    # status: live, draining (lets its people finish).
    Table("journey_version", "journeys", """id {id}, journey_id {big} NOT NULL, number {big} NOT NULL, status TEXT NOT NULL,
        document TEXT NOT NULL, published_at {big} NOT NULL, published_by TEXT NOT NULL, UNIQUE (journey_id, number)"""),
    # People of one version and shard who are to stand in another (to_version NULL: to leave), until done_at.
    # wish: {retime, nodes: {old key: new key, null = stays}}. after_id: enrollments up to this id are done.
    Table("journey_move", "journeys", """id {id}, journey_id {big} NOT NULL, from_version {big} NOT NULL, to_version {big},
        shard {big} NOT NULL, wish {json} NOT NULL, after_id {big} NOT NULL DEFAULT 0, moved {big} NOT NULL DEFAULT 0,
        stayed {big} NOT NULL DEFAULT 0, at {big} NOT NULL, actor TEXT NOT NULL, done_at {big}""",
          ("journey_move_open (id) WHERE done_at IS NULL", "journey_move_journey (journey_id, id)")),
    Table("node", "journeys", """id {big} PRIMARY KEY, version_id {big} NOT NULL, key TEXT NOT NULL, type TEXT NOT NULL,
        is_join {big} NOT NULL""", ("node_version (version_id)",)),
    Table("listener", "journeys", "node_id {big} NOT NULL, event TEXT NOT NULL, PRIMARY KEY (node_id, event)"),
    Table("upstream", "journeys", "goal_id {big} NOT NULL, node_id {big} NOT NULL, PRIMARY KEY (goal_id, node_id)"),
    # since_event: the event that caused it. ended_event: the last event heard when it ended. entered_by: trigger node.
    Table("enrollment", "journeys", """id {id}, journey_id {big} NOT NULL, version_id {big} NOT NULL,
        contact_id {big} NOT NULL, key TEXT NOT NULL DEFAULT '', props {json} NOT NULL, status TEXT NOT NULL DEFAULT 'active',
        reason TEXT, since_event {big} NOT NULL, started_at {big} NOT NULL, ended_at {big}, ended_event {big},
        entered_by {big} NOT NULL, UNIQUE (contact_id, journey_id, key, since_event)""",
          ("enrollment_active (contact_id) WHERE status = 'active'", "enrollment_version (version_id, status)")),
    # A moment that an event named, at which a trigger (by its number in the journey) takes the contact in. at: with the offset.
    Table("entry_moment", "journeys.moments", """journey_id {big} NOT NULL, number {big} NOT NULL, contact_id {big} NOT NULL,
        key TEXT NOT NULL, offset_s {big} NOT NULL, at {big} NOT NULL, event_id {big} NOT NULL,
        PRIMARY KEY (journey_id, number, contact_id, key, offset_s)""",
          ("entry_moment_due (journey_id, number, at)", "entry_moment_contact (contact_id)")),
    # id = enrollment_id * 64 + branch. since_event: events up to this id are behind the token.
    # memo: what the node saw when it let the token wait. seq rises over the whole enrollment.
    Table("token", "journeys", """id {big} PRIMARY KEY, enrollment_id {big} NOT NULL, contact_id {big} NOT NULL,
        shard {big} NOT NULL, node_id {big} NOT NULL, due_at {big} NOT NULL, arrived_at {big} NOT NULL, seq {big} NOT NULL,
        since_event {big} NOT NULL, memo {big}""", ("token_due (shard, node_id, due_at, id)",)),
    # Append-only. seen: the integer the decision rested on (an event id, a bucket, a verdict code).
    Table("step", "journeys", """id {id}, token_id {big} NOT NULL, node_id {big} NOT NULL, seq {big} NOT NULL,
        at {big} NOT NULL, port TEXT, seen {big}, reason TEXT""", ("step_token (token_id)",)),
    Table("node_stat", "journeys", "id {id}, node_id {big} NOT NULL, port TEXT NOT NULL, n {big} NOT NULL",
          ("node_stat_node (node_id)",)),  # appended, summed when read, folded by the tick
    Table("rate_slot", "journeys", "node_id {big} PRIMARY KEY, next_slot {big} NOT NULL"),
)

MEASURE = (
    Table("cost", "measure.costs", """id {id}, campaign TEXT, channel TEXT, category TEXT NOT NULL, amount_minor {big} NOT NULL,
        currency TEXT NOT NULL, from_at {big} NOT NULL, until_at {big} NOT NULL, hours {real}, rate_minor {big}, note TEXT,
        dedupe_key TEXT NOT NULL UNIQUE, created_at {big} NOT NULL""", ("cost_from (from_at)",)),
)

TABLES = (*GROUND, *PEOPLE, *ACTIVITY, *AUDIENCE, *CONTENT, *OUTREACH, *JOURNEYS, *MEASURE)

# Where everything from outside arrives. kind: track, identify, alias, group. payload: what `activity.intake` reads.
INBOX = Table("inbox", "activity.inbox", """id {id}, received_at {big} NOT NULL, kind TEXT NOT NULL,
    dedupe_key TEXT NOT NULL, payload {json} NOT NULL""")

# Working tables of a connection. batch: the rows a runner holds (seen, port, reason = the decision on each).
# dirty: contacts to look at again, with the newest event that says so (0 = none).
ROW = "id, enrollment_id, contact_id, shard, due_at, arrived_at, seq, since_event, memo"
TEMPORARY = (
    """CREATE TEMP TABLE IF NOT EXISTS batch (id {big} PRIMARY KEY, enrollment_id {big}, contact_id {big}, shard {big},
        due_at {big}, arrived_at {big}, seq {big}, since_event {big}, memo {big}, seen {big}, port TEXT, reason TEXT)""",
    "CREATE TEMP TABLE IF NOT EXISTS dirty (contact_id {big} PRIMARY KEY, event_id {big})",
    "CREATE TEMP TABLE IF NOT EXISTS picked (id {big} PRIMARY KEY, contact_id {big})",
)
