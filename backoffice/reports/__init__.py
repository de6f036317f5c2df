"""Reports: what a list of rows does not show, as pages and files.

sales        the page of sales, and its files
sales_table  their columns and rows
"""
