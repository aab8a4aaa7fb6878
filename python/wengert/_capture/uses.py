"""Objects that captured functions use without naming them tell so here."""

from __future__ import annotations

from threading import get_ident

#: The objects that have told so, by id, of the captures under way, by thread. Empty when there are
#: none, which is all that an object in a hurry need look at.
captures: dict[int, dict[int, object]] = {}


def note_use(obj: object) -> None:
    """A capture that is under way in this thread is to ask the object for its conditions.

    See Note [conditions].
    """
    used = captures.get(get_ident())
    if used is not None:
        used[id(obj)] = obj
