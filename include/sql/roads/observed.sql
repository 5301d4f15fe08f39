{#
The first half of a figure, as CTEs: what it reads, its observations or events, and what they sum up to (include/sql/sets and sums). The road says
by `folders` where sets and sums are taken from, first found first, and by `cell` what a figure is of.
-#}
WITH {% include found_in('sets', folders, 'members') %},
{% for set in figure.reads %}
{% include found_in('sets', folders, set) %},

{% endfor %}
{{ 'event' if figure.kind == 'delays' else 'observation' }} AS (
{% filter indent(2, true) %}{% include figure.template %}{% endfilter %}
),

{% include found_in('sums', folders, figure.kind) %}
