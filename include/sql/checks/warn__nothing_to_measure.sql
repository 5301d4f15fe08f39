{% import 'macros/measured.sql' as measured -%}
/*
Some learner has work to measure at the end of the day. None has in the first days of a school; later it is worth a look at the source.
*/
SELECT
  COUNT(*) > 0 AS there_are_learners,
  NOT ({{ measured.nothing_to_measure() }}) AS they_have_realisations
FROM kpi_time AS checked
INNER JOIN kpi_src_membership AS learner
  ON learner.scope_type = 'GLOBAL'
  AND learner.valid_to >= checked.utc_end
  AND learner.valid_from < checked.utc_end
WHERE checked.date_id = %(date_id)s
