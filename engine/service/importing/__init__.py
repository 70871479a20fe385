"""Files into the workspace: contacts, companies, events, deals, costs, suppressions, predictions. The same file twice changes
nothing."""

from .companies import import_accounts
from .contacts import import_contacts
from .costs import import_costs
from .deals import import_deals
from .events import import_events
from .job import Options, Report, RowError
from .looking import Guess, Look, errors_csv, look
from .moving import PRESETS, Move, move_in, recognize
from .predictions import import_predictions
from .suppressions import import_suppressions

__all__ = ["PRESETS", "Guess", "Look", "Move", "Options", "Report", "RowError", "errors_csv", "import_accounts",
           "import_contacts", "import_costs", "import_deals", "import_events", "import_predictions", "import_suppressions",
           "look", "move_in", "recognize"]
