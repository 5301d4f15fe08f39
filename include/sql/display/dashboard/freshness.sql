/*
Of each table and period: the last slice in the ledger, and the latest failure unless that slice, or a later one, was written since.
*/
{% set PERIODS = {'kpi_value': 'DWMR', 'kpi_state_count': 'DWM', 'kpi_percentiles': 'DWM', 'kpi_plan_gap': 'WM'} %}
{% for table, periods in PERIODS.items() -%}
{% set last_table = loop.last -%}
{% for period in periods -%}
SELECT
  '{{ table }}' AS `table`,
  '{{ period }}' AS period,
  done.date_to AS last_date,
  done.finished_at,
  IF(failed.id IS NULL, 'DONE', 'FAILED') AS state,
  done.rows_inserted + done.rows_updated + done.rows_unchanged AS `rows`,
  failed.message
FROM (SELECT 1) AS one
LEFT JOIN LATERAL (
  SELECT
    date_to,
    finished_at,
    rows_inserted,
    rows_updated,
    rows_unchanged
  FROM kpi_run
  WHERE
    table_name = '{{ table }}'
    AND state = 'DONE'
    AND period = '{{ period }}'
  ORDER BY date_to DESC, id DESC
  LIMIT 1
) AS done
  ON TRUE
LEFT JOIN LATERAL (
  SELECT
    latest.id,
    latest.message
  FROM kpi_run AS latest
  WHERE
    latest.table_name = '{{ table }}'
    AND latest.state = 'FAILED'
    AND latest.period = '{{ period }}'
    AND NOT EXISTS (
      SELECT 1
      FROM kpi_run AS later
      WHERE
        later.table_name = latest.table_name
        AND later.state = 'DONE'
        AND later.period = latest.period
        AND later.date_to >= latest.date_to
        AND later.id > latest.id
    )
  ORDER BY latest.id DESC
  LIMIT 1
) AS failed
  ON TRUE
{{ 'UNION ALL' if not (last_table and loop.last) }}
{% endfor -%}
{% endfor %}
