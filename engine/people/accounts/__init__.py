"""Accounts: the companies that contacts belong to, what is known of them, and what their people add up to."""

from .facts import COMPANY, FIELDS, catalogue, read_fact, read_facts, save_facts
from .linking import linked_to, make_for_domains
from .naming import LONGEST, check_name, ensure_many, find_many, find_name, must_find
from .reading import ORDERS, Account, Deal, Member, Money, deals, find_page, get, members, money
from .roles import ROLES, check_role, leave, roles_of, write_roles
from .rollups import ROLLED, roll_up, roll_up_everything, touch

__all__ = ["COMPANY", "FIELDS", "LONGEST", "ORDERS", "ROLES", "ROLLED", "Account", "Deal", "Member", "Money", "catalogue",
           "check_name", "check_role", "deals", "ensure_many", "find_many", "find_name", "find_page", "get",
           "leave", "linked_to", "make_for_domains", "members", "money", "must_find",
           "read_fact", "read_facts", "roles_of", "roll_up", "roll_up_everything", "save_facts", "touch", "write_roles"]
