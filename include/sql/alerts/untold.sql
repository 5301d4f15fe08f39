/*
The alerts that are to be told: begun or over since the notifier was last given them, with the names of what they are about.
*/
{% include 'alerts/alerts.sql' %}

WHERE
  alert.told_at IS NULL
  OR (alert.until_on IS NOT NULL AND alert.end_told_at IS NULL)
ORDER BY alert.id
