{# The newest change that the figures do not hold yet, no row without any. -#}
SELECT id
FROM kpi_change
WHERE done_at IS NULL
ORDER BY id DESC
LIMIT 1
