"""SHIPMENTS OUT OF A FILE: what a carrier or another program exports of the packages that it took. In this order:

columns    which column says what: guessed from the headings, said by a person, remembered for the next file
cells      what stands in a cell: numbers, dates, tracking numbers that a spreadsheet has spoiled
parcels    the rows of a package together, and the order's lines that they mean
run        what would become of each row, and what became of it

The same file twice is harmless: of one order, one tracking number is one package.
"""
