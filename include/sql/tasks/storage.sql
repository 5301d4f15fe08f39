/*
What the task `storage` may run, beside the migrations' DDL for the tables of the other mode. In « » stands what is found when it runs; its
log has each DDL statement that ran.
*/
{% set table, copy, tables = '«fact table»', '«its copy»', ['«table left»'] -%}
{% set columns = [{'name': '«column»', 'generated': ''}] -%}
{% set new, old = {table: copy}, {table: '«as it was»'} -%}
{% set foreign_key = {'table': table, 'column': '«column»', 'parent': '«dimension»', 'key': '«its key»'} -%}

-- step: rows that name what is not there
{% include 'storage/orphans.sql' %};

{% include 'storage/copies.sql' %}

{% include 'storage/swap.sql' %}

-- step: drop what conversions left
{% include 'storage/drop_tables.sql' %};
