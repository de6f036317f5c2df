from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """The project itself: settings, URLs, system checks. It has no models; the label "oms" belongs to `backoffice`."""

    name = "oms"
    label = "project"

    def ready(self) -> None:
        import core.database.lookups  # noqa: F401  registers a lookup
        from oms import audited, checks, database_checks  # noqa: F401  register the system checks

        audited.connect()
