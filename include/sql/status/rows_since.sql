/*
How many rows of {{ table }} are dated %(first)s or later: since the last bound of its partitions, those in the catch-all.
*/
SELECT COUNT(*)
FROM {{ table }}
WHERE date_id >= %(first)s
