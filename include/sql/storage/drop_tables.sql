{# Drops tables that conversions left, or did not end. -#}
DROP TABLE {{ tables | join(', ') }}
