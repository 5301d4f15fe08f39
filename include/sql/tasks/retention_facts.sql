/*
What the task `facts` may run, for each month of a fact table that has expired. In « » stands what is found when it runs; its log names it.
*/
{% set table, partition, undo_table = '«fact table»', '«partition»', '«undo table»' -%}
{% set dates, periods = 1, ['«period»'] -%}
{% set columns = [{'name': '«column»', 'generated': ''}] -%}
{% set rows = {'table': table, 'partition': partition, 'first': none, 'periods': none} -%}
{% set copied = {'table': table, 'partition': partition, 'first': none, 'periods': ['«period that stays»']} -%}

{% include 'retention/holds.sql' %}

{% include 'retention/evidence.sql' %}

-- step: checksums of the month
{% include 'retention/digests.sql' %};

{% include 'retention/undo.sql' %}

{% include 'retention/removal.sql' %}

{% include 'retention/exchange.sql' %}

{% include 'retention/deletion.sql' %}

-- step: when its time is over
{% include 'retention/drop_undo_table.sql' %};

-- step: an empty partition
{% include 'partitions/drop.sql' %};
