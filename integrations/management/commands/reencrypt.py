from typing import Any

from audit.recording import record
from integrations.management.base import FAILED, OmsCommand
from integrations.management.reencrypt import COLUMNS, EncryptedColumn, reencrypt


class Command(OmsCommand):
    help = (
        "Encrypt all credentials, buyer data and signing secrets with the first key of FIELD_ENCRYPTION_KEY.\n\n"
        "To change the key: put a new one in front (FIELD_ENCRYPTION_KEY=new,old), restart OMS, run this,\n"
        "then take the old one away and restart again. Credentials that were written as plain JSON with SQL\n"
        "are encrypted too. It may run while OMS works, and again at any time. Rows that no key can read\n"
        "are named and left alone."
    )
    examples = (
        "exit status:\n  0  all rows are encrypted with the first key\n"
        "  1  some rows could not be read; keep the old keys until that is settled\n"
    )

    def run(self, _options: dict[str, Any], /) -> None:
        good = [self._column(column) for column in COLUMNS]
        record("secrets.reencrypted", changes={"complete": all(good)})
        if not all(good):
            self.warn("Do not remove a key from FIELD_ENCRYPTION_KEY before these rows are settled.")
            raise SystemExit(FAILED)

    def _column(self, column: EncryptedColumn) -> bool:
        """Whether every row of it could be read."""
        rewritten = plain = already = unreadable = 0
        for moved in reencrypt(column):
            rewritten += moved.rewritten
            plain += moved.were_plain
            already += moved.already
            unreadable += len(moved.unreadable)
            for sentence in moved.unreadable:
                self.warn(f"Cannot be read and was left as it is: {sentence}.")
        self.stdout.write(
            f"{column.model._meta.db_table}: {rewritten} encrypted with the first key "
            f"({plain} of them were plain JSON), {already} were already, {unreadable} unreadable."
        )
        return not unreadable
