"""The functions of Logs Insights in DuckDB's SQL: what each takes, what it gives, how it is written.

`{0}`, `{1}` stand for arguments, `{all}` for all of them. Kinds: `number`, `text`, `time` (milliseconds),
`flag`, and `any` for what may be either number or text: a member of a JSON message comes as text.
"""

from typing import NamedTuple


class Function(NamedTuple):
    """One function. `takes` has a kind for each argument; its last one goes for further ones too."""

    takes: tuple[str, ...]
    gives: str
    sql: str
    least: int = -1  # arguments; as many as `takes` has, if not said
    most: int = -1

    @property
    def arity(self) -> tuple[int, int]:
        """The fewest and the most arguments."""
        count = len(self.takes)
        return (count if self.least < 0 else self.least, count if self.most < 0 else self.most)


MANY = 100
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_IPV4 = "^" + r"\.".join([_OCTET] * 4) + "$"
_N, _T = ("number",), ("text",)

SCALARS: dict[str, Function] = {
    "abs": Function(_N, "number", "abs({0})"),
    "ceil": Function(_N, "number", "ceil({0})"),
    "floor": Function(_N, "number", "floor({0})"),
    "greatest": Function(_N, "number", "greatest({all})", 1, MANY),
    "least": Function(_N, "number", "least({all})", 1, MANY),
    "log": Function(_N, "number", "CASE WHEN {0} > 0 THEN ln({0}) END"),
    "sqrt": Function(_N, "number", "CASE WHEN {0} >= 0 THEN sqrt({0}) END"),
    "bin": Function(("duration",), "time", '("@timestamp" // {0}) * {0}'),
    "datefloor": Function(("time", "duration"), "time", "({0} // {1}) * {1}"),
    "dateceil": Function(("time", "duration"), "time", "-(-{0} // {1}) * {1}"),
    "frommillis": Function(_N, "time", "CAST({0} AS BIGINT)"),
    "tomillis": Function(("time",), "number", "{0}"),
    "now": Function((), "number", "epoch_ms(now()) // 1000"),
    "ispresent": Function(("any",), "flag", "{0} IS NOT NULL"),
    "coalesce": Function(("any",), "any", "coalesce({all})", 1, MANY),
    "isempty": Function(_T, "flag", "coalesce({0}, '') = ''"),
    "isblank": Function(_T, "flag", "trim(coalesce({0}, ''), E' \\t\\r\\n') = ''"),
    "concat": Function(_T, "text", "concat({all})", 1, MANY),
    "ltrim": Function(_T, "text", "ltrim({all})", 1, 2),
    "rtrim": Function(_T, "text", "rtrim({all})", 1, 2),
    "trim": Function(_T, "text", "trim({all})", 1, 2),
    "strlen": Function(_T, "number", "length({0})"),
    "toupper": Function(_T, "text", "upper({0})"),
    "tolower": Function(_T, "text", "lower({0})"),
    "strcontains": Function(("text", "text"), "flag", "contains({0}, {1})"),
    "replace": Function(("text", "text", "text"), "text", "replace({0}, {1}, {2})"),
    "isvalidipv4": Function(_T, "flag", f"regexp_matches({{0}}, '{_IPV4}')"),
    "substr#2": Function(("text", "number"), "text", "substr({0}, CAST({1} AS BIGINT) + 1)"),
    "substr#3": Function(
        ("text", "number", "number"),
        "text",
        "substr({0}, CAST({1} AS BIGINT) + 1, CAST({2} AS BIGINT))",
    ),
}

AGGREGATES: dict[str, Function] = {
    "count": Function(("any",), "number", "count({0})"),
    "count#0": Function((), "number", "count(*)"),
    "count_distinct": Function(("any",), "number", "count(DISTINCT {0})"),
    "avg": Function(_N, "number", "avg({0})"),
    "sum": Function(_N, "number", "sum({0})"),
    "min": Function(("measure",), "same", "min({0})"),
    "max": Function(("measure",), "same", "max({0})"),
    "median": Function(_N, "number", "quantile_cont({0}, 0.5)"),
    "stddev": Function(_N, "number", "stddev_samp({0})"),
    "pct": Function(("number", "constant"), "number", "quantile_cont({0}, {1} / 100)"),
    "earliest": Function(("any",), "same", 'arg_min({0}, "@timestamp")'),
    "latest": Function(("any",), "same", 'arg_max({0}, "@timestamp")'),
    "sortsfirst": Function(("any",), "same", "min({0})"),
    "sortslast": Function(("any",), "same", "max({0})"),
}
ALIASES = {"percentile": "pct", "stddev_samp": "stddev"}


def find_function(name: str, count: int) -> tuple[Function, bool] | None:
    """The function of a name that takes so many arguments, and whether it is an aggregate."""
    lower = name.lower()
    lower = ALIASES.get(lower, lower)
    for table, is_aggregate in ((SCALARS, False), (AGGREGATES, True)):
        for key in (f"{lower}#{count}", lower):
            found = table.get(key)
            if found is not None and found.arity[0] <= count <= found.arity[1]:
                return found, is_aggregate
    return None
