from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """The project itself: settings, URLs, system checks. It has no models; the label "oms" belongs to `backoffice`."""

    name = "oms"
    label = "project"

    def ready(self) -> None:
        from oms import checks, database_checks  # noqa: F401  register the system checks
