"""KPIs of a learning-management system in a MySQL star schema, computed by SQL that Airflow runs."""

# CHANGELOG.md says what each version brought, and what the numbers promise.
__version__ = "0.9.0"
