"""The pages of the navigation: the one place that knows their files, names and looks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """A page: its word in addresses, its script, and how the navigation shows it."""

    key: str
    file: str
    title: str
    icon: str
    section: str


PLACES = tuple(Place(key, file, title, f":material/{icon}:", section) for key, file, title, icon, section in (
    ("home", "pages/measure/home.py", "Home", "home", ""),
    ("contacts", "pages/audience/contacts.py", "Contacts", "group", "Audience"),
    ("segments", "pages/audience/segments.py", "Segments", "filter_alt", "Audience"),
    ("leads", "pages/audience/leads.py", "Leads", "local_fire_department", "Audience"),
    ("campaigns", "pages/engage/campaigns.py", "Campaigns", "campaign", "Engage"),
    ("journeys", "pages/engage/journeys.py", "Journeys", "account_tree", "Engage"),
    ("content", "pages/engage/content.py", "Content", "mail", "Engage"),
    ("forms", "pages/engage/forms.py", "Forms", "dynamic_form", "Engage"),
    ("experiments", "pages/measure/experiments.py", "A/B tests", "science", "Measure"),
    ("roi", "pages/measure/roi.py", "ROI", "payments", "Measure"),
    ("activity", "pages/operate/activity.py", "Activity", "monitoring", "Operate"),
    ("settings", "pages/operate/settings.py", "Settings", "settings", "Operate"),
))
BY_KEY = {place.key: place for place in PLACES}
LANDING = {"sales": "leads"}  # by role; everybody else begins at home
HIDDEN = {"sales": frozenset({"campaigns", "journeys", "content", "forms", "experiments", "roi", "settings"}),
          "viewer": frozenset({"settings"}), "analyst": frozenset({"settings"}), "marketer": frozenset[str](),
          "admin": frozenset[str]()}


def visible(role: str) -> list[Place]:
    """The pages of a role, in the order of the navigation."""
    return [place for place in PLACES if place.key not in HIDDEN[role]]


def landing(role: str) -> str:
    """The page a role begins with."""
    return LANDING.get(role, "home")
