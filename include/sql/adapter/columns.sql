/*
No row of a relation: MySQL says which columns the adapter gives, of which types, or what is wrong with its SELECT.
*/
SELECT adapter_row.*
FROM {% include 'macros/relation.sql' %}
WHERE FALSE
