{% import 'sets/in_force.sql' as in_force -%}
{{ in_force.members_of_a_day(in_force.at_end('membership')) }}
