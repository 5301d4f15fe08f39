/*
The days from %(first)s to %(last)s whose facts are all written, for all scopes: those that can be rolled up.
*/
{% import 'roads/periods.sql' as periods with context %}
WITH {{ periods.done_days('%(first)s', '%(last)s') }}

SELECT date_id
FROM done_day
ORDER BY date_id
