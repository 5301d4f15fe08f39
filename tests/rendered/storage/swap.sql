/*
How a conversion ends: fresh tables have no statistics, and the nightly joins lean on them; then the new tables take the places of the
present ones, in one moment.
*/
-- step: analyse the copies
ANALYZE TABLE kpi_value_new, kpi_state_count_new, kpi_percentiles_new, kpi_plan_gap_new;

-- step: swap
RENAME TABLE
  kpi_value TO kpi_value_old, kpi_value_new TO kpi_value,
  kpi_state_count TO kpi_state_count_old, kpi_state_count_new TO kpi_state_count,
  kpi_percentiles TO kpi_percentiles_old, kpi_percentiles_new TO kpi_percentiles,
  kpi_plan_gap TO kpi_plan_gap_old, kpi_plan_gap_new TO kpi_plan_gap;
