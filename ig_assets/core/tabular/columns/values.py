"""Decides the formats of a table's columns before any value is parsed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timezone, tzinfo
from zoneinfo import ZoneInfo

from ig_assets.core.tabular.cells.clock_times import fixed_zone, zone_of_place
from ig_assets.core.tabular.cells.counts import (
    LOCALE_FORMATS,
    LOCALES,
    CountEvidence,
    Locale,
    NumberFormat,
    count_formats,
)
from ig_assets.core.tabular.cells.instants import ORDERS, DateEvidence, Order
from ig_assets.core.tabular.columns.profile import ColumnProfile
from ig_assets.core.tabular.columns.vocabulary import plain_name, zone_name
from ig_assets.core.tabular.table import Table


@dataclass(frozen=True)
class ValueOptions:
    """A person's statements about a file's values.

    None means that the values themselves decide. `zone` is the zone of times that name
    none; without it they are taken as UTC.
    """

    numbers: Locale | None = None
    dates: Order | None = None
    zone: tzinfo | None = None

    @property
    def assumed_zone(self) -> tzinfo:
        """The zone of times that name none: `zone`, else UTC."""
        return self.zone or timezone.utc


def value_options(
    numbers: str | None, dates: str | None, zone: str | None
) -> ValueOptions:
    """Build the options from texts.

    Raises ValueError with a clause for an unknown text.
    """
    locale = next((known for known in LOCALES if known == numbers), None)
    order = next((known for known in ORDERS if known == dates), None)
    if numbers and locale is None:
        raise ValueError(f"numbers {numbers!r} is none of {', '.join(LOCALES)}")
    if dates and order is None:
        raise ValueError(f"dates {dates!r} is none of {', '.join(ORDERS)}")
    try:
        found = ZoneInfo(zone.strip()) if zone else None
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"timezone {zone!r} is not known; write it as Europe/Berlin"
        ) from None
    return ValueOptions(locale, order, found)


@dataclass(frozen=True)
class Formats:
    """The formats of count and date columns, by the names of our columns.

    `zones` are zones that a column's name states, such as `Date (GMT)`.
    """

    numbers: Mapping[str, NumberFormat] = field(default_factory=dict)
    orders: Mapping[str, Order | None] = field(default_factory=dict)
    zones: Mapping[str, tzinfo] = field(default_factory=dict)


_ZONE_COLUMNS = frozenset(
    "time_zone timezone tz posted_time_zone post_time_zone posting_time_zone "
    "publish_time_zone published_time_zone account_time_zone profile_time_zone "
    "zeitzone fuseau_horaire zona_horaria fuso_horario fuso_orario".split()
)


def with_zone_column(
    options: ValueOptions, profiles: Sequence[ColumnProfile]
) -> tuple[ValueOptions, str]:
    """Return (options with the zone that a column states, a note or "").

    A zone that a person stated takes precedence. A column with several zones is not
    used.
    """
    for profile in profiles:
        if plain_name(profile.name) not in _ZONE_COLUMNS or options.zone:
            continue
        zones = sorted(profile.values)
        try:
            zone = value_options(None, None, zones[0]).zone if len(zones) == 1 else None
        except ValueError:
            zone = None
        if zone is None:
            return options, (
                f"Column {profile.name!r} does not name one zone, such as "
                "Europe/Berlin, for all rows, and was not used."
            )
        sentence = f"Times are of {zones[0]}, as column {profile.name!r} says."
        return replace(options, zone=zone), sentence
    return options, ""


class AmbiguousColumnError(ValueError):
    """Raised if a column can be read in two ways; the message is a clause.

    It names both ways. `column`, `value` and `line` locate an example. `option` is the
    option that decides, "numbers" or "dates". `is_disputed` is true if some values of
    the column prove one way and some the other.
    """

    def __init__(
        self, option: str, column: str, value: str, line: int, is_disputed: bool = False
    ) -> None:
        readings = {
            "numbers": "may be thousands or a fraction",
            "dates": "may begin with the day or with the month",
        }
        super().__init__(
            f"column {column!r} has {value!r} (line {line}), which {readings[option]}"
        )
        self.option = option
        self.column = column
        self.value = value
        self.line = line
        self.is_disputed = is_disputed


def ambiguous_sentence(error: AmbiguousColumnError, file: str, how: str) -> str:
    """Return a question to a person about an ambiguous column of a file.

    `how` says where to write the answer, such as "--{option} {choices}".
    """
    choices = {"numbers": LOCALES, "dates": ORDERS}[error.option]
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}"
    said = how.format(option=error.option, choices=listed)
    if error.is_disputed:
        return (
            f"In {file} {error}; of the other values some prove the one and some the "
            f"other. Write them alike, or say which the doubtful ones are with {said}."
        )
    return f"In {file} {error}, and no other value decides; say which with {said}."


def decide_formats(
    table: Table,
    counts: Mapping[str, int],
    dates: Mapping[str, int],
    options: ValueOptions | None = None,
    *,
    ask: bool = True,
) -> Formats:
    """Read all values of the columns {our column: index} and decide their formats.

    Raises AmbiguousColumnError if the values of a column are ambiguous. Without `ask`
    such a column stays undecided, and its ambiguous cells cannot be parsed later.
    Raises UnreadableTableError.
    """
    options = options or ValueOptions()
    number_evidence = {ours: CountEvidence() for ours in counts}
    date_evidence = {ours: DateEvidence() for ours in dates}
    for batch in table.batches():
        for ours, n in counts.items():
            number_evidence[ours].add_all([row[n] for row in batch.rows], batch.lines)
        for ours, n in dates.items():
            date_evidence[ours].add_all([row[n] for row in batch.rows], batch.lines)
    numbers = _number_formats(table, number_evidence, counts, options.numbers)
    for ours, found in number_evidence.items():
        if ask and not numbers[ours].decimal and found.must_be_asked:
            column = table.columns[counts[ours]]
            raise AmbiguousColumnError("numbers", column, *found.doubt)
    orders: dict[str, Order | None] = {}
    for ours, seen in date_evidence.items():
        orders[ours] = options.dates or seen.order
        if ask and orders[ours] is None and seen.doubt[0]:
            column = table.columns[dates[ours]]
            raise AmbiguousColumnError(
                "dates", column, *seen.doubt, len(seen.orders) > 1
            )
    zones = {
        ours: _zone_of(table.columns[n], options)
        or _zone_of(table.times.get(table.columns[n], ""), options)
        for ours, n in dates.items()
    }
    return Formats(numbers, orders, {ours: z for ours, z in zones.items() if z})


def _zone_of(column: str, options: ValueOptions) -> tzinfo | None:
    """Return the zone in a column's name; `options.zone` overrides an abbreviation."""
    name = zone_name(column)
    if name is None:
        return None
    exact = zone_of_place(name) if "/" in name else fixed_zone(name)
    return exact or (None if options.zone else zone_of_place(name))


def _number_formats(
    table: Table,
    evidence: Mapping[str, CountEvidence],
    counts: Mapping[str, int],
    locale: Locale | None,
) -> dict[str, NumberFormat]:
    """Return {name: number format} of the columns of counts.

    A `locale` decides all formats. Otherwise the counts decide them. If some could be
    read in two ways, the numbers in the file's other columns are evidence too.
    """
    if locale is not None:
        return dict.fromkeys(evidence, LOCALE_FORMATS[locale])
    formats = count_formats(evidence.values())
    columns = list(evidence.values())
    if any(
        found.must_be_asked and not form.decimal
        for found, form in zip(columns, formats, strict=True)
    ):
        others = {
            n: CountEvidence()
            for n in range(len(table.columns))
            if n not in counts.values()
        }
        for batch in table.batches():
            for n, other in others.items():
                other.add_all([row[n] for row in batch.rows], batch.lines)
        formats = count_formats(columns, others.values())
    return dict(zip(evidence, formats, strict=True))
