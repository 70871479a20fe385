"""Measure: what it cost, what it earned, and who gets the credit."""
