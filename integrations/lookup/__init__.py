"""Questions about one order, one SKU or one platform.

order         asks the platform for one order, and stores it
stored        what is stored about an order id
stock_cover   for how many days the stock of a SKU lasts
overview      what a page about platforms shows at a glance
"""
