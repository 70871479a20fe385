"""`attribute`: credit by channel from a file of paths or of touches, every model side by side."""

from __future__ import annotations

from typing import Any

import click

from ..clock import DAY
from ..errors import BadInput
from ..lazy import pd
from ..measure import paths
from ..measure.models import LATER, MODELS, Model, get_model
from ..measure.paths import Paths, Totals
from .common import Call, Command, takes_call
from .frames import read_frame, rename

PATH_FIELDS = ("path", "conversions", "value", "nulls")
# what the path files of other attribution tools call these columns
ALSO_CALLED = {"total_conversions": "conversions", "total_conversion_value": "value", "total_null": "nulls"}
TOUCH_FIELDS = ("contact", "channel", "at", "conversion", "value")


@click.command("attribute", cls=Command)
@click.option("--paths", "path_file", metavar="FILE", help="columns path (a > b > c), conversions, value, nulls")
@click.option("--touches", "touch_file", metavar="FILE", help="columns contact, channel, at, conversion, value")
@click.option("--map", "mappings", multiple=True, metavar="COLUMN=FIELD", help="which column is which; may be repeated")
@click.option("--model", "model_names", default="all", show_default=True, metavar="all|NAME,…",
              help=f"any of {', '.join(MODELS)}")
@click.option("--half-life-days", type=float, default=7.0, show_default=True,
              help="for time_decay; in a path file one step counts as one day")
@click.option("--order", type=int, default=1, show_default=True, help="order of the Markov chain")
@takes_call
def attribute(call: Call, path_file: str | None, touch_file: str | None, mappings: tuple[str, ...], model_names: str,
              half_life_days: float, order: int) -> None:
    """Share the credit for conversions among channels, from a file of paths or of touches."""
    if order != 1:
        raise BadInput(f"--order {order}: it belongs to the markov model, which is not built yet")
    wanted = _models(model_names)
    read = _read(path_file, touch_file, mappings)
    credits = {model.name: paths.credit(read, model, half_life_days * DAY) for model in wanted}
    found = paths.totals(read)
    notes = _notes(read, path_file is not None, model_names, half_life_days)
    by_model = {name: _by_channel(frame) for name, frame in credits.items()}
    call.answer({"models": by_model, "totals": found, "notes": notes}, *_lines(credits, wanted, found), *notes)


def _models(names: str) -> list[Model]:
    words = [word.strip() for word in names.split(",") if word.strip()]
    if words == ["all"]:
        return [model for model in MODELS.values() if model.standard]
    if not words:
        raise BadInput("--model is empty: use all or name models with commas between")
    return [get_model(word) for word in dict.fromkeys(words)]


def _read(path_file: str | None, touch_file: str | None, mappings: tuple[str, ...]) -> Paths:
    if path_file is not None and touch_file is None:
        frame = rename(read_frame(path_file), mappings, PATH_FIELDS)
        return paths.from_path_rows(frame.rename(columns={old: new for old, new in ALSO_CALLED.items() if new not in frame}))
    if touch_file is not None and path_file is None:
        return paths.from_touch_rows(rename(read_frame(touch_file), mappings, TOUCH_FIELDS))
    raise BadInput("give one file: --paths FILE or --touches FILE")


def _by_channel(credit: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {str(row["channel"]): {"conversions": row["conversions"], "value": row["value"]}
            for row in credit.to_dict("records")}


def _notes(read: Paths, has_steps: bool, model_names: str, half_life_days: float) -> list[str]:
    found = paths.totals(read)
    notes = []
    if model_names.strip() == "all":
        notes += [f"{label} is left out: not yet" for label in LATER.values()]
    if has_steps:
        notes.append(f"time_decay: the file has no times, so one step counts as one day (half-life {half_life_days:g})")
    if read.value is None:
        notes.append("value: the file has no such column")
    if found.untouched_conversions:
        notes.append(f"{found.untouched_conversions:g} conversions have no touch and are credited to no channel")
    return notes


def _lines(credits: dict[str, pd.DataFrame], models: list[Model], found: Totals) -> list[str]:
    """A table of conversions, one column per model."""
    table = pd.DataFrame({model.label: credits[model.name].set_index("channel")["conversions"] for model in models})
    head = f"{found.conversions:,.6g} conversions on {found.paths:,} paths"
    return [head, table.to_string(float_format=lambda number: f"{number:,.2f}")]


COMMANDS = (attribute,)
