"""Model fields that every app may use."""

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class ExactCharField(models.CharField[str, str]):
    """Text that other systems made: ids, SKUs, ASINs. Compared byte for byte on every database.

    MySQL's and MariaDB's default collations take "Case-1" for "CASE-1", "é" for "e" and "A " for "A";
    two SKUs of one seller would become one row. SQLite and PostgreSQL compare exactly by themselves.
    """

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        parameters: dict[str, Any] = super().db_parameters(connection)
        if connection.vendor == "mysql":
            mariadb = getattr(connection, "mysql_is_mariadb", False)
            parameters["collation"] = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        return parameters
