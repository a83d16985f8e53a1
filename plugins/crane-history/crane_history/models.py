"""The tables of all rooms, for who compares them with the migrations."""

from crane_history.revisions import models as revisions
from crane_history.tasks import models as tasks
from crane_history.timeline import models as timeline

__all__ = ["revisions", "tasks", "timeline"]
