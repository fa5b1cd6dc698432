"""Plans of ALTER TABLE: the stored texts are edited, and where the rows change shape they are rewritten.

Every object whose text names what is renamed is edited: the table, its indexes, foreign keys of other tables, views and
triggers, those of temp too. Under PRAGMA legacy_alter_table RENAME TO leaves what views and triggers do as it is, and
foreign keys unless they are enforced; and no change asks whether views and triggers are still sound after it.

Source: https://sqlite.org/lang_altertable.html, https://sqlite.org/pragma.html#pragma_legacy_alter_table
"""
