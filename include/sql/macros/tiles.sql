{#
The tiles of kpi_tile_cache: for each scope and target one row with the latest figures of each period, as JSON.
#}
{# -- step: tiles; `latest` gives each period's last date_id, `facts` joins the rows of kpi_value to it as `fact`. #}
{% macro stage(latest, facts, into='stage_kpi_tile_cache') -%}
-- step: tiles
INSERT INTO {{ into }} (scope_id, target_id
{%- for name in tile_periods %}, {{ name }}_on, {{ name }}_figures{% endfor %})
WITH latest AS (
  {{ latest }}
),

tile AS (
  SELECT
    fact.scope_id,
    fact.target_id,
    fact.period,
    fact.date_id,
    JSON_OBJECTAGG(
      kpi_metric.code,
      JSON_OBJECT(
        'value', fact.value_num,
        'numerator', fact.numerator,
        'denominator', fact.denominator,
        'sample_size', fact.sample_size,
        'extra', fact.extra_json
      )
    ) AS figures
  FROM latest
  {{ facts | trim | indent(2) }}
  INNER JOIN kpi_metric
    ON kpi_metric.id = fact.metric_id
  GROUP BY fact.scope_id, fact.target_id, fact.period, fact.date_id
)

SELECT
  scope_id,
  target_id
{%- for period in tile_periods.values() %},
  MAX(IF(period = '{{ period }}', CAST(date_id AS CHAR), NULL)),
  CAST(MAX(IF(period = '{{ period }}', CAST(figures AS CHAR), NULL)) AS JSON)
{%- endfor %}
FROM tile
GROUP BY scope_id, target_id;
{%- endmacro %}
