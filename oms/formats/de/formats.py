"""As in formats/en: short, and with the zone."""

DATETIME_FORMAT = "d.m.Y H:i T"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
DATE_FORMAT = "d.m.Y"
SHORT_DATE_FORMAT = DATE_FORMAT
