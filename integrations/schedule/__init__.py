"""What starts syncs by itself.

plan           what is due, what is open without anybody working on it
due            when a platform's next sync is due, and why not sooner
history        what the rows of past syncs say
leadership     of all schedulers, one is active
maintenance    what is deleted once a day
"""
