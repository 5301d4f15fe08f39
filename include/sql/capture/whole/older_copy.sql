{# A source whose clock or newest row lies before the last capture. #}
{% import 'macros/history.sql' as history with context -%}
{# When the newest row was made or last worked on; instants still to come are nobody's. #}
{% macro newest() -%}
GREATEST(
    MAX(IF(created_at <= %(captured_at)s, created_at, TIMESTAMP '1000-01-01 00:00:00')),
    MAX(IF(last_activity_at <= %(captured_at)s, last_activity_at, TIMESTAMP '1000-01-01 00:00:00'))
  )
{%- endmacro %}
{% call history.reject('realisation', 'a source that went back', when='later') %}
SELECT
  'source' AS source_key,
  'clock' AS field,
  'source_went_back' AS reason,
  CONCAT('its clock says ', %(source_now)s, ', the last capture was at ', %(previous)s) AS detail
WHERE %(source_now)s < %(previous)s
UNION ALL
SELECT
  'source' AS source_key,
  'newest_row' AS field,
  'source_went_back' AS reason,
  CONCAT('its newest row is of ', staged.newest, ', the newest captured before of ', captured.newest) AS detail
FROM (SELECT {{ newest() }} AS newest FROM stage_realisation) AS staged
INNER JOIN (SELECT {{ newest() }} AS newest FROM kpi_src_realisation WHERE valid_to = '9999-12-31') AS captured
  ON captured.newest > staged.newest
{% endcall %}

-- step: realisation: say that the source went back | relation=realisation when=later gives=warnings
SELECT detail
FROM kpi_reject
WHERE
  reason = 'source_went_back'
  AND last_seen_at = %(captured_at)s
ORDER BY field;
