from django.apps import AppConfig


class OmsConfig(AppConfig):
    name = "oms"

    def ready(self) -> None:
        from oms import checks  # noqa: F401  registers the system checks
