"""As in formats/en: short, and with the zone. Spanish leaves four digits ungrouped in running text; in columns of
amounts that would misalign them, so they are grouped like the others."""

DATETIME_FORMAT = "d/m/Y H:i T"
SHORT_DATETIME_FORMAT = DATETIME_FORMAT
DATE_FORMAT = "d/m/Y"
SHORT_DATE_FORMAT = DATE_FORMAT
DECIMAL_SEPARATOR = ","
THOUSAND_SEPARATOR = "."
NUMBER_GROUPING = 3
