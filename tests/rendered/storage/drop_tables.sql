DROP TABLE kpi_value, kpi_state_count, kpi_percentiles, kpi_plan_gap
