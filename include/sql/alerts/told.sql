/*
Marks an alert as told, and its end when that was told as well (%(ended)s).
*/
UPDATE kpi_alert
SET
  told_at = COALESCE(told_at, UTC_TIMESTAMP(6)),
  end_told_at = CASE WHEN %(ended)s THEN UTC_TIMESTAMP(6) ELSE end_told_at END
WHERE id = %(id)s
