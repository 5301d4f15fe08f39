/*
code: ANCIENNETE_UA
label: Ancienneté des UA en cours
unit: jours
agg: AVG
counts: stock
higher_is_better: false
category: RYTHME
target_levels: [MODULE]
reads: {realisation: [UA]}
day_by_day: true
rollup: RECOMPUTE
rolling: {rule: RECOMPUTE, days: [7]}
description: >
  The mean age, in whole days at the end of the day, of the UAs at or below the target that were begun within 10 days and
  are not final. It binds its day itself, so that a range is computed day by day.
example: >
  Two UAs begun 1 and 4 days ago: value_num = 2.5000, sample_size = 2.
*/
SELECT
  realisation.learner_id,
  realisation.domain,
  realisation.ref_id,
  TIMESTAMPDIFF(DAY, realisation.started_at, today.utc_end) AS part,
  realisation.reconstructed,
  realisation.first_day,
  realisation.last_day
FROM kpi_time AS today
INNER JOIN realisation
  ON realisation.started_at >= today.utc_end - INTERVAL 10 DAY
  AND realisation.is_final = 0
WHERE today.date_id = %(as_of)s
