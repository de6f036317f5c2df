"""The user of a session, read together with the factor: a request costs no query more."""

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend


class UsersWithFactor(ModelBackend):
    def get_user(self, user_id: Any) -> Any:
        users = get_user_model()._default_manager.select_related("second_factor")
        user = users.defer("second_factor__data").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
