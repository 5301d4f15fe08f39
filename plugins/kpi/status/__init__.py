"""How the tables and nights are doing: read through kpi_read, judged green, amber or red."""
