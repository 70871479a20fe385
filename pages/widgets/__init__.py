"""Widgets the pages share: drawing and input only, nothing computed."""
