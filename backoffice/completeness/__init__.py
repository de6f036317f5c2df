"""Whether all orders are here, in the admin.

page          a month as a calendar, months, audits    day           one day: its marketplaces, and what was found
stock         the audits of stock, on the page
starting      the button that starts an audit          admin         the list and the page of audits
wording       what audits want of people, as sentences
presentation  how audits, days and findings look
"""
