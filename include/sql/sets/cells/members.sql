{# At the end of the open day the versions in force are the open ones. -#}
{% import 'sets/in_force.sql' as in_force -%}
{{ in_force.members_of_a_day("membership.valid_to = '9999-12-31'", scopes='stage_delay_scope AS kpi_scope') }}
