"""Text of a policy as a test of text in a request: wildcards and policy variables.

A pattern is read once into tokens and becomes a plain function. `*` and `?` never cost more than linear time,
whatever somebody wrote: each stretch between two stars is matched once, leftmost (atomic groups).
What a variable stands for is taken as it is, its stars included; a variable the request has no single value
for matches nothing (IAM user guide, "IAM policy elements: Variables and tags").
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache

import msgspec

Values = str | tuple[str, ...]
Keys = Mapping[str, Values]  # condition keys of a request, in lower case
Match = Callable[[str, Keys], bool]

ARN_FIELDS = 6
FILLED_MAX = 1024  # values of one pattern's variables that are remembered
_VARIABLE = re.compile(r"\$\{\s*([^{},]+?)\s*(?:,\s*'([^'}]*)'\s*)?\}")
_ESCAPES = ("*", "?", "$")  # `${*}` is a star and no wildcard


class Wild(Enum):
    """The two wildcards."""

    ANY = "*"
    ONE = "?"


class Variable(msgspec.Struct, frozen=True):
    """`${key, 'default'}`."""

    key: str
    default: str | None


Token = str | Wild | Variable
Tokens = tuple[Token, ...]


def parse_pattern(text: str, *, has_variables: bool) -> Tokens:
    """The tokens of a pattern, wildcards included."""
    return _tokens(text, has_variables=has_variables, wild=_wild_tokens)


def parse_literal(text: str, *, has_variables: bool) -> Tokens:
    """The same where stars and question marks stand for themselves."""
    return _tokens(text, has_variables=has_variables, wild=lambda plain: (plain,) if plain else ())


def variables_in(text: str) -> Iterator[str]:
    """The keys that a text's variables name."""
    return (found[1] for found in _VARIABLE.finditer(text) if found[1] not in _ESCAPES)


def match_any(patterns: Iterable[Tokens]) -> Match:
    """Whether one of the patterns matches the whole text; what can be looked up is not tried one by one."""
    exact, prefixes, others = set(), [], []
    for tokens in patterns:
        if all(isinstance(token, str) for token in tokens):
            exact.add("".join(str(token) for token in tokens))
        elif tokens[-1:] == (Wild.ANY,) and all(isinstance(token, str) for token in tokens[:-1]):
            prefixes.append("".join(str(token) for token in tokens[:-1]))
        else:
            others.append(_compiled(tokens, _text_regex))
    if "" in prefixes:
        return lambda text, keys: True
    return _first_of(frozenset(exact), tuple(prefixes), others)


def match_any_arn(patterns: Iterable[Tokens]) -> Match:
    """The same for ARNs: no wildcard reaches over one of the first five colons, a bare star is everything.

    What has too few fields to be an ARN is equal to nothing.
    """
    exact, others = set(), []
    for tokens in patterns:
        if tokens == (Wild.ANY,):
            return lambda text, keys: True
        if not all(isinstance(token, str) for token in tokens):
            others.append(_compiled(tokens, _arn_regex))
        elif (text := "".join(str(token) for token in tokens)).count(":") >= ARN_FIELDS - 1:
            exact.add(text)
    return _first_of(frozenset(exact), (), others)


def _first_of(exact: frozenset[str], prefixes: tuple[str, ...], others: Sequence[Match]) -> Match:
    if not prefixes and not others:
        return lambda text, keys: text in exact
    if not others:
        return lambda text, keys: text in exact or text.startswith(prefixes)
    if len(others) == 1 and not exact and not prefixes:
        return others[0]

    def matches(text: str, keys: Keys) -> bool:
        return text in exact or text.startswith(prefixes) or any(other(text, keys) for other in others)

    return matches


def _compiled(tokens: Tokens, regex: Callable[[Tokens], re.Pattern[str] | None]) -> Match:
    if any(isinstance(token, Variable) for token in tokens):
        return _compiled_variables(tokens, regex)
    compiled = regex(tokens)
    if compiled is None:
        return lambda text, keys: False
    fullmatch = compiled.fullmatch
    return lambda text, keys: fullmatch(text) is not None


def _compiled_variables(tokens: Tokens, regex: Callable[[Tokens], re.Pattern[str] | None]) -> Match:
    """Compiled once for every values of its variables; nothing matches where one has none."""
    variables = [token for token in tokens if isinstance(token, Variable)]
    known: dict[tuple[str, ...], re.Pattern[str] | None] = {}

    def matches(text: str, keys: Keys) -> bool:
        values = []
        for each in variables:
            value = keys.get(each.key)
            if type(value) is not str:
                value = each.default
                if value is None:
                    return False
            values.append(value)
        named = tuple(values)
        try:
            compiled = known[named]
        except KeyError:
            compiled = regex(_filled(tokens, named))
            if len(known) >= FILLED_MAX:
                known.clear()
            known[named] = compiled
        return compiled is not None and compiled.fullmatch(text) is not None

    return matches


def _filled(tokens: Tokens, values: Sequence[str]) -> Tokens:
    """The tokens with each variable's value in its place."""
    left = iter(values)
    return tuple(next(left) if isinstance(token, Variable) else token for token in tokens)


def _tokens(text: str, *, has_variables: bool, wild: Callable[[str], Tokens]) -> Tokens:
    if not has_variables:
        return wild(text)
    tokens: list[Token] = []
    end = 0
    for found in _VARIABLE.finditer(text):
        tokens += wild(text[end : found.start()])
        name = found[1]
        tokens.append(name if name in _ESCAPES else Variable(name.lower(), found[2]))
        end = found.end()
    return (*tokens, *wild(text[end:]))


def _wild_tokens(plain: str) -> Tokens:
    parts = [part for part in re.split(r"([*?])", plain) if part]
    return tuple(Wild(part) if part in "*?" else part for part in parts)


@lru_cache(maxsize=4096)
def _text_regex(tokens: Tokens) -> re.Pattern[str]:
    return re.compile(_spelled(tokens, "."), re.DOTALL)


@lru_cache(maxsize=4096)
def _arn_regex(tokens: Tokens) -> re.Pattern[str] | None:
    """None for what has too few fields to be an ARN."""
    fields: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            fields[-1].append(token)
            continue
        head, *more = token.split(":", ARN_FIELDS - len(fields))
        fields[-1].append(head)
        fields += [[part] for part in more]
    if len(fields) < ARN_FIELDS:
        return None
    spelled = [_spelled(tuple(field), "[^:]") for field in fields[:-1]] + [_spelled(tuple(fields[-1]), ".")]
    return re.compile(":".join(spelled), re.DOTALL)


def _spelled(tokens: Tokens, one: str) -> str:
    """A regular expression; `one` is what a question mark stands for."""
    stretches = [""]
    for token in tokens:
        if token is Wild.ANY:
            stretches.append("")
        else:
            stretches[-1] += one if token is Wild.ONE else re.escape(str(token))
    if len(stretches) == 1:
        return stretches[0]
    middle = "".join(f"(?>{one}*?{stretch})" for stretch in stretches[1:-1] if stretch)
    return f"{stretches[0]}{middle}{one}*{stretches[-1]}"
