"""Trials: A/B tests planned and read honestly."""
