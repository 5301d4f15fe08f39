/*
How rows come back from an undo table, in the place of what was computed since.
*/
{% import 'macros/rows.sql' as some -%}
-- step: delete what was computed since
DELETE {{ some.from_where(place) }};

-- step: bring back
INSERT INTO {{ place.table }} ({{ some.written(columns) }})
SELECT {{ some.written(columns) }}
{{ some.from_where(kept) }};
