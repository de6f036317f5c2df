"""Shipping in the admin: confirming shipments to platforms, and what became of them.

presentation  states as badges, and as sentences with what to do
forms         what is asked of a package
packages      all packages of an order, ours and those that the platform shows
shipping      the page on which an order is shipped
many          the page on which many orders are shipped
importing     the page that takes a carrier's file
columns_form  which column of it says what
admin         the list of shipments, and the page of one
"""
