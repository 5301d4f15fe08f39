{# The oldest and the newest date of a table. -#}
SELECT
  MIN(date_id) AS oldest,
  MAX(date_id) AS newest
FROM {{ table }}
