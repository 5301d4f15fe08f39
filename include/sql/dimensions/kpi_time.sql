/*
One local day with its two UTC instants, resolved by Python's time zone data: written when new or different.
*/
INSERT INTO kpi_time (date_id, y, m, d, iso_week, iso_year, utc_start, utc_end)
VALUES (
  %(date_id)s, %(y)s, %(m)s, %(d)s, %(iso_week)s, %(iso_year)s, %(utc_start)s, %(utc_end)s
) AS new
ON DUPLICATE KEY UPDATE
  y = new.y,
  m = new.m,
  d = new.d,
  iso_week = new.iso_week,
  iso_year = new.iso_year,
  utc_start = new.utc_start,
  utc_end = new.utc_end
