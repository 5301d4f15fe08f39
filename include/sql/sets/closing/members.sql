{% import 'sets/in_force.sql' as in_force -%}
{{ in_force.members_of_a_day(
  in_force.at_end('membership'),
  only='(%(closing_scopes)s IS NULL OR FIND_IN_SET(kpi_scope.id, %(closing_scopes)s) > 0)'
) }}
