/*
What the task `restore` may run, for each undo table that is asked for. In « » stands what is found when it runs.
*/
{% set undo_table, columns = '«undo table»', [{'name': '«column»', 'generated': ''}] -%}
{% set place = {'table': '«fact table»', 'partition': none, 'first': '«first day»', 'periods': ['«period»']} -%}
{% set kept = {'table': undo_table, 'partition': none, 'first': none, 'periods': ['«period»']} -%}
{% set rows = kept -%}

-- step: checksums of what was removed
{% include 'retention/digests.sql' %};

{% include 'retention/restoring.sql' %}

{% include 'retention/undo.sql' %}

{% include 'retention/holds.sql' %}

-- step: drop the undo table
{% include 'retention/drop_undo_table.sql' %};
