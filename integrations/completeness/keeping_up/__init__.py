"""Orders that change faster than syncs can read them: lists make them known in time, and each is then fetched in full.

rule         when regular syncs are so far behind that a list is asked for
catch_ups    one run from when it is opened to its end; claim: who works on it
lists        the lists: asked for, looked after, stored; sorts: the two of them; asking: when the next one is, and
             of which span; news: what one by order date says that is newer
settling     how far orders are known and in full, for regular syncs
queue        catch-ups in the background; standing: what pages and alerts say of them
"""
