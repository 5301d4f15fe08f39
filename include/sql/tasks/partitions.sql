/*
What the task `partitions` may run, for each fact table. In « » stands what is found when it runs; its log has each statement that ran.
*/
{% set table, tables, names = '«fact table»', ['«fact table»'], ['«partition»'] -%}
{% set parts = [('«month»', "(TO_DAYS('«month after»'))"), ('«partition»', '«its bound»')] -%}
{% set rows = {'table': table, 'partition': '«partition»', 'first': none, 'periods': none} -%}

{% include 'partitions/clock.sql' %}

-- step: partitions of the table
{% include 'partitions/layout.sql' %};

-- step: what lies in one
{% include 'partitions/content.sql' %};

-- step: nobody else has the table
{% include 'partitions/lock_tables.sql' %};

-- step: months get partitions
{% include 'partitions/reorganise.sql' %};
