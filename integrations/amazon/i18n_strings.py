"""Countries and regions of marketplaces: their table is English data, so makemessages has to find the names here."""

from django.utils.translation import gettext_noop

COUNTRIES = [
    gettext_noop("Australia"),
    gettext_noop("Belgium"),
    gettext_noop("Brazil"),
    gettext_noop("Canada"),
    gettext_noop("Egypt"),
    gettext_noop("France"),
    gettext_noop("Germany"),
    gettext_noop("India"),
    gettext_noop("Ireland"),
    gettext_noop("Italy"),
    gettext_noop("Japan"),
    gettext_noop("Mexico"),
    gettext_noop("Netherlands"),
    gettext_noop("Poland"),
    gettext_noop("Saudi Arabia"),
    gettext_noop("Singapore"),
    gettext_noop("South Africa"),
    gettext_noop("Spain"),
    gettext_noop("Sweden"),
    gettext_noop("Türkiye"),
    gettext_noop("United Arab Emirates"),
    gettext_noop("United Kingdom"),
    gettext_noop("United States"),
]
REGIONS = [
    gettext_noop("North America"),
    gettext_noop("Europe, Middle East, Africa and India"),
    gettext_noop("Far East"),
    gettext_noop("Sandbox (Amazon's test data)"),
]
