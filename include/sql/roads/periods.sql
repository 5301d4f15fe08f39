{#
Weeks, months and rolling windows (design, "Periods"). A week or month [%(first)s, %(last)s] is told as of its latest day whose facts are all
written; each scope's closing day is the latest day up to that one on which it has members, and the period ends there for it.
#}
{% import 'sets/in_force.sql' as in_force %}

{# done_day: the days in the bounds of which the ledger says that all tables with days were written for all scopes. #}
{% macro done_days(first, last) -%}
done_day AS (
  SELECT date_to AS date_id
  FROM kpi_run
  WHERE
    table_name IN ('{{ daily_tables | join("', '") }}')
    AND state = 'DONE'
    AND period = 'D'
    AND scopes IS NULL
    AND date_to >= {{ first }}
    AND date_to <= {{ last }}
  GROUP BY date_to
  HAVING COUNT(DISTINCT table_name) = {{ daily_tables | length }}
)
{%- endmacro %}

{# stage_closing: each scope's closing day, how many days up to it are done, and whether the period is over. #}
{% macro closing() -%}
-- step: closing | phase=create
CREATE TEMPORARY TABLE IF NOT EXISTS stage_closing (
  scope_id BIGINT PRIMARY KEY,
  as_of DATE NOT NULL,
  done_days INT NOT NULL,
  is_over TINYINT(1) NOT NULL,
  KEY idx_as_of (as_of)
) COLLATE utf8mb4_0900_ai_ci;

-- step: closing
INSERT INTO stage_closing (scope_id, as_of, done_days, is_over)
WITH {{ done_days('%(first)s', '%(last)s') }},

latest_done AS (
  SELECT MAX(date_id) AS as_of
  FROM done_day
),

closing AS (
  SELECT
    kpi_scope.id AS scope_id,
    MAX(day.date_id) AS as_of,
    MAX(latest_done.as_of) = %(last)s AS is_over
  FROM latest_done
  INNER JOIN kpi_time AS day
    ON day.date_id >= %(first)s
    AND day.date_id <= latest_done.as_of
  INNER JOIN kpi_src_membership AS membership
    ON {{ in_force.at_end('membership') }}
    AND {{ in_force.active('membership') }}
  INNER JOIN kpi_scope
    ON kpi_scope.scope_type = membership.scope_type
    AND kpi_scope.ref_key = membership.scope_ref_id
    AND {{ in_force.requested('kpi_scope') }}
  GROUP BY kpi_scope.id
)

SELECT
  closing.scope_id,
  closing.as_of,
  (SELECT COUNT(*) FROM done_day WHERE done_day.date_id <= closing.as_of) AS done_days,
  closing.is_over
FROM closing;

-- step: closing days | gives=closing_days
SELECT
  as_of,
  IF(COUNT(*) <= 1000, GROUP_CONCAT(scope_id), NULL) AS closing_scopes
FROM stage_closing
GROUP BY as_of
ORDER BY as_of;
{%- endmacro %}

{# What extra_json says of a period, beside what it says of the sample. #}
{% macro told(extra_json, as_of, days, complete) -%}
JSON_MERGE_PATCH(
    COALESCE({{ extra_json }}, JSON_OBJECT()),
    JSON_OBJECT('as_of', CAST({{ as_of }} AS CHAR), 'days', {{ days }}, 'complete', CAST(IF({{ complete }}, 'true', 'false') AS JSON))
  )
{%- endmacro %}

{# The same for a figure as of a closing day: it covers the period up to there. #}
{% macro told_of_closing(extra_json) -%}
{{ told(extra_json, 'stage_closing.as_of', 'DATEDIFF(stage_closing.as_of, %(first)s) + 1', 'stage_closing.is_over') }}
{%- endmacro %}

{# The same for figures that D rows added up to, `added`. #}
{% macro told_of_added(as_of, days, complete) -%}
{{ told("IF(added.reconstructed > 0, JSON_OBJECT('reconstructed', CAST(added.reconstructed AS SIGNED)), NULL)", as_of, days, complete) }}
{%- endmacro %}

{# The rules that add up D rows: the columns to sum over them, as {column: expression}, … #}
{% set ADDED = {
  'SUM': {'value_num': 'fact.value_num', 'numerator': 'fact.numerator', 'denominator': 'fact.denominator'},
  'RATIO_OF_SUMS': {'numerator': 'fact.numerator', 'denominator': 'fact.denominator'},
  'WEIGHTED_MEAN': {'weighted': 'fact.value_num * fact.sample_size'}
} %}
{# Of any of them: the sample, and how much of it is reconstructed. #}
{% set SAMPLE = {'whole': 'fact.sample_size', 'reconstructed': "COALESCE(CAST(fact.extra_json ->> '$.reconstructed' AS SIGNED), 0)"} %}

{# … and the figure that their sums give; `factor` is 100 for a percentage. #}
{% macro added(rule, column, factor) -%}
{% if rule == 'WEIGHTED_MEAN' -%}
{{ 'ROUND(added.weighted / added.whole, 4)' if column == 'value_num' else 'NULL' }}
{%- elif rule == 'RATIO_OF_SUMS' and column == 'value_num' -%}
ROUND({{ factor }} * added.numerator / added.denominator, 4)
{%- else -%}
added.{{ column }}
{%- endif %}
{%- endmacro %}
