/*
Of each table and period: the last slice in the ledger, and the latest failure unless that slice, or a later one, was written since.
The key of the ledger gives both backwards by day.
*/
WITH slice AS (
{%- for table, written in fact_tables.items() %}
{%- set last_table = loop.last %}
{%- for period in written.periods %}
  SELECT
    '{{ table }}' AS table_name,
    '{{ period }}' AS period,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = '{{ table }}'
        AND state = 'DONE'
        AND period = '{{ period }}'
      ORDER BY date_to DESC, id DESC
      LIMIT 1
    ) AS done_id,
    (
      SELECT id
      FROM kpi_run
      WHERE
        table_name = '{{ table }}'
        AND state = 'FAILED'
        AND period = '{{ period }}'
      ORDER BY id DESC
      LIMIT 1
    ) AS failed_id
  {{- '\n  UNION ALL' if not (last_table and loop.last) }}
{%- endfor %}
{%- endfor %}
)

SELECT
  slice.table_name AS `table`,
  slice.period,
  done.date_to AS last_date,
  done.finished_at,
  IF(failed.id IS NULL, done.state, failed.state) AS state,
  done.rows_inserted + done.rows_updated + done.rows_unchanged AS `rows`,
  failed.message
FROM slice
LEFT JOIN kpi_run AS done
  ON done.id = slice.done_id
LEFT JOIN kpi_run AS failed
  ON failed.id = slice.failed_id
  AND NOT EXISTS (
    SELECT 1
    FROM kpi_run AS later
    WHERE
      later.table_name = failed.table_name
      AND later.state = 'DONE'
      AND later.period = failed.period
      AND later.date_to >= failed.date_to
      AND later.id > failed.id
  )
ORDER BY
  FIELD(slice.table_name, '{{ fact_tables | join("', '") }}'),
  FIELD(slice.period, '{{ all_periods | join("', '") }}')
