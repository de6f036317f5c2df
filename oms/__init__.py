"""The Django project of OMS."""

__version__ = "1.0.0"  # said here alone: pyproject.toml and the REST schema read it
