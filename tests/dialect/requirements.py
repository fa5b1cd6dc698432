"""What SQLite can do of what SQLAlchemy's tests ask for; the rest is as SuiteRequirements has it."""

from __future__ import annotations

from sqlalchemy.testing import exclusions
from sqlalchemy.testing.requirements import SuiteRequirements

HAS = [
    "aggregate_order_by",
    "autocommit",
    "boolean_col_expressions",
    "computed_columns",
    "computed_columns_reflect_persisted",
    "computed_columns_stored",
    "computed_columns_virtual",
    "create_table_as",
    "create_temp_table_as",
    "ctes",
    "ctes_with_update_delete",
    "ctes_with_values",
    "date_historic",
    "datetime_historic",
    "datetime_literals",
    "dbapi_lastrowid",
    "deferrable_fks",
    "emulated_lastrowid",
    "except_",
    "expression_server_defaults",
    "fk_constraint_option_reflection_ondelete_noaction",
    "fk_constraint_option_reflection_ondelete_restrict",
    "fk_constraint_option_reflection_onupdate_restrict",
    "foreign_key_constraint_name_reflection",
    "foreign_key_constraint_option_reflection_ondelete",
    "foreign_key_constraint_option_reflection_onupdate",
    "has_temp_table",
    "implicit_default_schema",
    "index_ddl_if_exists",
    "indexes_with_expressions",
    "infinity_floats",
    "intersect",
    "isolation_level",
    "json_type",
    "mod_operator_as_percent_sign",
    "non_updating_cascade",
    "nullsordering",
    "order_by_label_with_expression",
    "percent_schema_names",
    "precision_numerics_enotation_small",
    "reflects_pk_names",
    "regexp_match",
    "repeated_column_foreign_keys",
    "savepoints",
    "schemas",
    "server_defaults",
    "supports_bitwise_and",
    "supports_bitwise_not",
    "supports_bitwise_or",
    "supports_bitwise_shift",
    "table_ddl_if_exists",
    "table_value_constructor",
    "temp_table_names",
    "temporary_views",
    "timestamp_microseconds",
    "tuple_in",
    "unicode_ddl",
    "update_from",
    "uuid_data_type",
    "views",
    "window_functions",
    "window_range",
    "window_range_numeric",
]
LACKS = [
    "parens_in_union_contained_select_w_limit_offset",
    "parens_in_union_contained_select_wo_limit_offset",
]


class Requirements(SuiteRequirements):
    """See the module docstring."""


for name in HAS:
    setattr(Requirements, name, property(lambda self: exclusions.open()))
for name in LACKS:
    setattr(Requirements, name, property(lambda self: exclusions.closed()))
