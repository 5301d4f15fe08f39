{# The local days from %(first)s to %(last)s as kpi_time has them. -#}
SELECT
  date_id,
  utc_start,
  utc_end
FROM kpi_time
WHERE date_id BETWEEN %(first)s AND %(last)s
