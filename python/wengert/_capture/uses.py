"""Objects that captured functions use without naming them tell so here."""

from __future__ import annotations

#: While functions are being captured, by one thread or several: for each the objects that have told
#: so, by id. Keyed by the id of the inner dict. Empty at all other times, which is all that an
#: object in a hurry need look at.
captures: dict[int, dict[int, object]] = {}


def note_use(obj: object) -> None:
    """Every capture under way is to ask the object for its conditions; see Note [conditions]."""
    for used in list(captures.values()):  # another thread may begin a capture
        used[id(obj)] = obj
