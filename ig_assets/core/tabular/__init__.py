"""Reads tables for the library, the calendar and imports: files to typed cells.

`open_table` returns the rows of a file of any supported kind. `profile_table` and
`guess_columns` find out what the columns contain, `decide_formats` how their values are
written; `parse_count`, `parse_cell_instant` and `repaired` then read the values. Every
physical row is accepted, becomes a `RowProblem`, or is counted as skipped.
"""

from ig_assets.core.tabular.cells.clock_times import NotAnInstantError
from ig_assets.core.tabular.cells.counters import check_totals
from ig_assets.core.tabular.cells.counts import (
    LOCALES,
    MAX_COUNT,
    Locale,
    NotACountError,
    NumberFormat,
    parse_count,
)
from ig_assets.core.tabular.cells.instants import (
    ORDERS,
    Instant,
    Order,
    parse_cell_instant,
    parse_instant,
)
from ig_assets.core.tabular.cells.labels import NestedCellError, text_of
from ig_assets.core.tabular.cells.missing import is_missing, sheet_error
from ig_assets.core.tabular.columns.joined_times import with_times
from ig_assets.core.tabular.columns.mapping import (
    ColumnGuess,
    Field,
    Kind,
    RepeatedColumnError,
    guess_columns,
    named_columns,
)
from ig_assets.core.tabular.columns.profile import ColumnProfile, profile_table
from ig_assets.core.tabular.columns.values import (
    AmbiguousColumnError,
    Formats,
    ValueOptions,
    ambiguous_sentence,
    decide_formats,
    value_options,
    with_zone_column,
)
from ig_assets.core.tabular.columns.vocabulary import NAMES, plain_name
from ig_assets.core.tabular.left_out.unposted import DELETED, UNPOSTED, posted_only
from ig_assets.core.tabular.reading import TABLE_SUFFIXES, open_table
from ig_assets.core.tabular.table import (
    BLANK,
    HEADING,
    TOTALS,
    Batch,
    Cell,
    Nested,
    RowProblem,
    Table,
    UnreadableTableError,
)
from ig_assets.core.tabular.texts import (
    SpoiltTextError,
    first_visible_line,
    repaired,
    visible,
)

__all__ = [
    "BLANK",
    "DELETED",
    "HEADING",
    "LOCALES",
    "MAX_COUNT",
    "NAMES",
    "ORDERS",
    "TABLE_SUFFIXES",
    "TOTALS",
    "UNPOSTED",
    "AmbiguousColumnError",
    "Batch",
    "Cell",
    "ColumnGuess",
    "ColumnProfile",
    "Field",
    "Formats",
    "Instant",
    "Kind",
    "Locale",
    "Nested",
    "NestedCellError",
    "NotACountError",
    "NotAnInstantError",
    "NumberFormat",
    "Order",
    "RepeatedColumnError",
    "RowProblem",
    "SpoiltTextError",
    "Table",
    "UnreadableTableError",
    "ValueOptions",
    "ambiguous_sentence",
    "check_totals",
    "decide_formats",
    "first_visible_line",
    "guess_columns",
    "is_missing",
    "named_columns",
    "open_table",
    "parse_cell_instant",
    "parse_count",
    "parse_instant",
    "plain_name",
    "posted_only",
    "profile_table",
    "repaired",
    "sheet_error",
    "text_of",
    "value_options",
    "visible",
    "with_times",
    "with_zone_column",
]
