"""Journeys: the graph people draw, its versions, and the runner that moves contacts through it."""
