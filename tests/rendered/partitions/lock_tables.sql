LOCK TABLES kpi_value WRITE, kpi_state_count WRITE, kpi_percentiles WRITE, kpi_plan_gap WRITE
