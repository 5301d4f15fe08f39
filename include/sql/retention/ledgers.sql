/*
Rows of the ledgers that ended before %(bound)s, deleted at most %(most)s at a time. An alert that lasts stays, however old, and so does a
change that is pending; of kpi_run, what tells that days were removed.
*/
{% set expired = {
  'kpi_reject': 'last_seen_at < %(bound)s',
  'kpi_alert': 'until_on < %(bound)s',
  'kpi_change': 'done_at < %(bound)s',
  'kpi_run': "date_to < %(bound)s AND finished_at < %(bound)s AND state IN ('DONE', 'FAILED', 'TAKEN_BACK')",
} -%}
{% for table, condition in expired.items() %}
-- step: expired in {{ table }}
SELECT COUNT(*)
FROM {{ table }}
WHERE {{ condition }};

-- step: next in {{ table }}
SELECT id
FROM {{ table }}
WHERE {{ condition }}
ORDER BY id
LIMIT %(most)s;

-- step: delete from {{ table }}
{# By their ids: a DELETE that looks for its rows itself waits for those that others are writing. -#}
DELETE gone
FROM JSON_TABLE(%(ids)s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS listed
INNER JOIN {{ table }} AS gone
  ON gone.id = listed.id
WHERE {{ condition }};
{% endfor %}
