"""Records what changes in rows of certain models, whoever saves them: a form, the API, a command, a shell.

`QuerySet.update` sends no signals: whoever uses it on such a row calls `record` himself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_save

from audit.recording import CHANGED, record, record_each

BEFORE = "_audit_before"  # on an instance: the row as it was stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A model and what is recorded of it as `NOUN.added`, `NOUN.changed` and `NOUN.deleted`.

    `fields` with the values before and after; `secrets` by name alone, of a secret that is a mapping by the names in
    it; `relations` are names of many-to-many fields.
    """

    noun: str
    model: type[models.Model]
    fields: Collection[str]
    secrets: Collection[str] = ()
    relations: Collection[str] = ()
    _all: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_all", frozenset((*self.fields, *self.secrets)))

    def connect(self) -> None:
        uid = f"audit.{self.model._meta.label_lower}"
        pre_save.connect(self._remember, sender=self.model, weak=False, dispatch_uid=uid)
        post_save.connect(self._saved, sender=self.model, weak=False, dispatch_uid=uid)
        post_delete.connect(self._deleted, sender=self.model, weak=False, dispatch_uid=uid)
        for name in self.relations:
            through = getattr(self.model, name).through
            m2m_changed.connect(self._related, sender=through, weak=False, dispatch_uid=f"{uid}.{name}")

    def _remember(
        self, instance: Any, update_fields: Collection[str] | None, raw: bool, **_signal: Any
    ) -> None:
        """Nothing is asked where nothing of this can change."""
        stored = None
        if instance.pk and not raw and self._may_change(update_fields):
            stored = self.model._base_manager.filter(pk=instance.pk).values(*sorted(self._all)).first()
        setattr(instance, BEFORE, stored)

    def _may_change(self, update_fields: Collection[str] | None) -> bool:
        return update_fields is None or not self._all.isdisjoint(update_fields)

    def _saved(
        self, instance: Any, created: bool, update_fields: Collection[str] | None, **_signal: Any
    ) -> None:
        before = instance.__dict__.pop(BEFORE, None)
        if created:
            record(f"{self.noun}.added", instance, changes=self._differences({}, instance, update_fields))
        elif before is not None and (changes := self._differences(before, instance, update_fields)):
            record(f"{self.noun}.changed", instance, changes=changes)

    def _differences(
        self, before: Mapping[str, Any], instance: Any, written: Collection[str] | None
    ) -> dict[str, Any]:
        changes: dict[str, Any] = {}
        for name in self.fields:
            old, new = before.get(name), getattr(instance, name)
            if (written is None or name in written) and old != new:
                changes[name] = [old, new]
        for name in self.secrets:
            if written is None or name in written:
                changes |= _secret_differences(name, before.get(name), getattr(instance, name))
        return changes

    def _deleted(self, instance: Any, **_signal: Any) -> None:
        record(f"{self.noun}.deleted", instance)

    def _related(
        self, instance: Any, action: str, reverse: bool, model: Any, pk_set: set[Any] | None, **_signal: Any
    ) -> None:
        what = {"post_add": "added", "post_remove": "removed", "post_clear": "all removed"}.get(action)
        if what is None:
            return
        others = list(model._base_manager.filter(pk__in=pk_set or ()).order_by("pk"))
        if reverse and others:  # group.user_set.add(user): it is the user that has another group
            change = {f"{instance._meta.model_name} {what}": [str(instance)]}
            record_each(f"{self.noun}.changed", [(other, change) for other in others])
        elif others or action == "post_clear":
            change = {f"{model._meta.model_name} {what}": sorted(map(str, others))}
            record(f"{self.noun}.changed", instance, changes=change)


def _secret_differences(name: str, old: Any, new: Any) -> dict[str, str]:
    if isinstance(old or {}, Mapping) and isinstance(new or {}, Mapping):
        before, after = old or {}, new or {}
        return {
            f"{name}.{each}": CHANGED
            for each in sorted(before.keys() | after.keys())
            if before.get(each) != after.get(each)
        }
    return {name: CHANGED} if old != new else {}
