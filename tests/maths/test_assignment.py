"""Arms are a pure function of salt and contact, even, independent of each other and equal in SQL and Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from engine.errors import BadInput
from engine.maths import assignment
from engine.store import Store

HASHES = [assignment.hash31_of(f"person{i}@example.com") for i in range(20_000)]
hashes = st.integers(1, assignment.PRIME - 1)


def spread(salt: str, total: int) -> np.ndarray:
    return np.array([assignment.bucket_of(value, salt, total) for value in HASHES])


@pytest.mark.parametrize("total", [2, 3, 10, 100])
@pytest.mark.parametrize("salt", ["subject test", "pilot", ""])
def test_buckets_are_even(salt: str, total: int) -> None:
    assert chisquare(np.bincount(spread(salt, total), minlength=total)).pvalue > 1e-4


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("split:1", "split:2"), ("x", "x ")])
def test_two_salts_are_independent(one: str, other: str) -> None:
    table = np.zeros((10, 10))
    np.add.at(table, (spread(one, 10), spread(other, 10)), 1)
    assert chi2_contingency(table).pvalue > 1e-4


def test_two_salts_are_independent_for_consecutive_hashes() -> None:
    table = np.zeros((4, 4))
    for value in range(1, 20_001):
        table[assignment.bucket_of(value, "one", 4), assignment.bucket_of(value, "two", 4)] += 1
    assert chi2_contingency(table).pvalue > 1e-4


def test_arms_follow_their_weights() -> None:
    arms = {"a": 10, "b": 10, "held": 80}
    found = [assignment.arm_of(value, "rollout", arms) for value in HASHES]
    observed = [found.count(name) for name in arms]
    assert chisquare(observed, [len(HASHES) * weight / 100 for weight in arms.values()]).pvalue > 1e-4


@given(hashes, st.text(max_size=20), st.integers(1, 1_000))
def test_the_same_contact_always_falls_on_the_same_side(value: int, salt: str, total: int) -> None:
    first = assignment.bucket_of(value, salt, total)
    assert 0 <= first < total
    assert assignment.bucket_of(value, salt, total) == first


def test_an_arm_is_frozen_in_time() -> None:
    """A changed formula would move people who already stand in a test."""
    assert assignment.hash31_of("ada@example.com") == 793_252_225
    assert [assignment.bucket_of(1_000_003, "salt", total) for total in (2, 10, 100)] == [1, 9, 69]


@pytest.mark.parametrize("identity", ["", "ada@example.com", "Зоя", "x" * 10_000])
def test_hash_fits_31_bits_and_is_never_zero(identity: str) -> None:
    assert 1 <= assignment.hash31_of(identity) < assignment.PRIME


@pytest.mark.parametrize("total", [0, -1, assignment.PRIME])
def test_weights_that_cannot_be_are_refused(total: int) -> None:
    with pytest.raises(BadInput):
        assignment.bucket_of(5, "salt", total)
    with pytest.raises(BadInput):
        assignment.bucket_sql("c.hash31", "salt", total)


def test_only_a_column_name_goes_into_the_statement() -> None:
    with pytest.raises(BadInput):
        assignment.bucket_sql("1); DROP TABLE contact; --", "salt", 2)


def test_an_arm_of_weight_zero_stays_empty() -> None:
    assert {assignment.arm_of(value, "s", {"none": 0, "all": 3}) for value in HASHES[:500]} == {"all"}


def test_statement_and_function_agree_on_both_engines(store: Store) -> None:
    sample = [*HASHES[:300], 1, assignment.PRIME - 1]
    with store.transaction():
        store.insert_many("contact", [{"hash31": value, "created_at": 0, "updated_at": 0} for value in sample])
    for salt, total in (("pilot", 2), ("x", 100), ("", 7)):
        rows = store.rows(f"SELECT c.hash31, {assignment.bucket_sql('c.hash31', salt, total)} FROM contact c")
        assert sorted(rows) == sorted((value, assignment.bucket_of(value, salt, total)) for value in sample)
