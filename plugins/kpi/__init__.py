"""KPIs of a learning-management system in a MySQL star schema, computed by SQL that Airflow runs."""
