{# The values of a column that a foreign key would refuse, with their rows. -#}
SELECT
  fact.{{ foreign_key.column }},
  COUNT(*) AS number_of_rows
FROM {{ foreign_key.table }} AS fact
LEFT JOIN {{ foreign_key.parent }} AS parent
  ON parent.{{ foreign_key.key }} = fact.{{ foreign_key.column }}
WHERE parent.{{ foreign_key.key }} IS NULL
GROUP BY fact.{{ foreign_key.column }}
ORDER BY fact.{{ foreign_key.column }}
