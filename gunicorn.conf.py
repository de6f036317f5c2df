"""What every gunicorn of OMS has in common; gunicorn reads this file where it is started (docs/operations.md).
https://gunicorn.org/reference/settings/"""

from gunicorn import util

from oms.server_errors import write_error

limit_request_line = 8190  # gunicorn's highest; 4094 is soon reached by a list of ids
# gunicorn has no setting for the page that it writes itself where a request cannot be read.
util.write_error = write_error
