"""Python's garbage collection in a process that syncs, or answers requests."""

import gc

# A page of 100 orders is some 20,000 objects, all of which are in use until it is stored.
OBJECTS_OF_A_PAGE = 20_000


def collect_rarely() -> None:
    """Look for garbage once a page or so, and only among what was made since: to be called once all is imported.

    As Python has it, it looks 16 times a page, through what is in use as well; that is a tenth of a sync. Where
    requests are answered, every tenth page of the admin waits 0.2 s for it.
    """
    gc.freeze()
    gc.set_threshold(OBJECTS_OF_A_PAGE, *gc.get_threshold()[1:])
