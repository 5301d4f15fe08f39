{% import 'macros/measured.sql' as measured -%}
/*
Some learner has work to measure at the end of the day. None has in the first days of a school; later it is worth a look at the source.
*/
SELECT
  COUNT(*) > 0 AS there_are_learners,
  NOT ({{ measured.nothing_to_measure() }}) AS they_have_realisations
FROM kpi_time AS day
INNER JOIN kpi_src_membership AS membership
  ON membership.scope_type = 'GLOBAL'
  AND membership.valid_to >= day.utc_end
  AND membership.valid_from < day.utc_end
WHERE day.date_id = %(date_id)s
