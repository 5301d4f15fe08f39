/*
The ranges of local days that nothing is removed from, whatever their age.
*/
-- step: in force
SELECT
  held_by,
  date_from,
  date_to,
  held_until
FROM kpi_hold
WHERE held_until > %(now)s
ORDER BY id;

-- step: hold what was restored
INSERT INTO kpi_hold (held_by, date_from, date_to, held_until)
VALUES ('kpi_retention (restored)', %(first)s, %(last)s, %(until)s);
