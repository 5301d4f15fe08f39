"""Alerts: figures beyond a threshold for days, nights that failed or are late; kept in kpi_alert, each told once."""
