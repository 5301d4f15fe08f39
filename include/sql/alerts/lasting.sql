/*
The alerts that last, the newest first: at most %(most)s.
*/
{% include 'alerts/alerts.sql' %}

WHERE alert.until_on IS NULL
ORDER BY
  alert.since_on DESC,
  alert.id DESC
LIMIT %(most)s
