"""Export of any filtered list as CSV or XLSX, streamed.

table      what an export holds: its columns, declared once by each list
chunks     the rows of a list, piece by piece, with constant memory
conversion values of a file from cells, by their type
as_csv     text out of rows, safe against formula injection
as_xlsx    a workbook out of rows
views      the addresses, and the progress of an export
scheduling links to files that are made again and again (backoffice/scheduled)
unattended the same files without a browser, for manage.py export_file
"""

from backoffice.export.table import Export

__all__ = ["Export"]
