"""Keeps segments true: looks again at exactly the contacts of whom the answer may have changed."""

from .membership import CONSUMER, Segment, date_back, fill, live_segments
from .rounds import Tally, refresh
from .staleness import edges

__all__ = ["CONSUMER", "Segment", "Tally", "date_back", "edges", "fill", "live_segments", "refresh"]
