"""The dashboard: a page and its data inside the Airflow UI, read through kpi_read."""
