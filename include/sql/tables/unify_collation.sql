{# Brings a table, its texts too, into the collation of the package; MySQL rebuilds it. -#}
ALTER TABLE `{{ table }}` CONVERT TO CHARACTER SET {{ charset }} COLLATE {{ collation }}
