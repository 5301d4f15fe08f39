/*
The days from %(first)s to %(last)s whose facts are all written, for all scopes: those that can be rolled up.
*/
{% import 'macros/rollup.sql' as rollup %}
WITH {{ rollup.done_days('%(first)s', '%(last)s') }}

SELECT date_id
FROM done_day
ORDER BY date_id
