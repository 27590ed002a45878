"""DNS messages, as far as a resolver needs them that answers single questions and sends on the rest.

Reads header, question and EDNS size, and nothing else of what a task sends; writes answers of a name's own
addresses. Wire format of RFC 1035, section 4, and RFC 6891. Every length is checked before it is used.
"""

import struct
from collections.abc import Sequence
from ipaddress import IPv4Address

import msgspec

from bastide.model.network import names
from bastide.model.network.names import Resolution, Said

QUERY_MAX_BYTES = 1232  # one question with options; DNS flag day 2020
PLAIN_UDP_BYTES = 512  # what an asker takes that says nothing
TTL_S = 60  # as Amazon's resolver gives out
CLASS_IN = 1
TYPE_OPT = 41
TRANSFERS = (251, 252)  # IXFR, AXFR
NO_ERROR, FORMAT_ERROR, SERVER_FAILURE, NO_SUCH_NAME, NOT_IMPLEMENTED, REFUSED = range(6)

_HEADER = struct.Struct("!6H")
_QUESTION = struct.Struct("!2H")
_RECORD = struct.Struct("!2HIH")
_RESPONSE, _TRUNCATED, _RECURSION_AVAILABLE = 0x8000, 0x0200, 0x0080
_KEPT = 0x7910  # opcode, recursion desired, checking disabled: an answer repeats them
_OPCODE = 0x7800
_NAME_AT_QUESTION = b"\xc0\x0c"
_LABEL_MAX, _NAME_MAX = 63, 255


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """One question."""

    id: int
    flags: int
    name: str  # lower case, without the last dot
    kind: int
    klass: int
    question: bytes  # as it was sent
    udp_bytes: int = PLAIN_UDP_BYTES
    has_edns: bool = False


class Malformed(Exception):
    """Nothing that can be looked up; `answer` is what to say to it, empty for nothing."""

    def __init__(self, answer: bytes = b"") -> None:
        super().__init__("malformed DNS message")
        self.answer = answer


def parse_query(wire: bytes) -> Query:
    """The question; Malformed for everything that is not exactly one."""
    if len(wire) < _HEADER.size:
        raise Malformed
    identity, flags, questions, answers, authorities, additional = _HEADER.unpack_from(wire)
    if flags & _RESPONSE:
        raise Malformed  # an answer to an answer would go on for ever
    if flags & _OPCODE:
        raise Malformed(_header(identity, flags, NOT_IMPLEMENTED))
    if questions != 1 or answers or authorities or len(wire) > QUERY_MAX_BYTES:
        raise Malformed(_header(identity, flags, FORMAT_ERROR))
    try:
        name, end = _parse_name(wire, _HEADER.size)
        kind, klass = _QUESTION.unpack_from(wire, end)
    except (IndexError, ValueError, struct.error) as error:
        raise Malformed(_header(identity, flags, FORMAT_ERROR)) from error
    end += _QUESTION.size
    edns_bytes = _read_edns(wire, end) if additional else None
    return Query(
        id=identity,
        flags=flags,
        name=name,
        kind=kind,
        klass=klass,
        question=wire[_HEADER.size : end],
        udp_bytes=max(PLAIN_UDP_BYTES, edns_bytes or 0),
        has_edns=edns_bytes is not None,
    )


def render_failure(query: Query, code: int) -> bytes:
    """An answer that holds none, and why."""
    return _render(query, code, [], [])


def render_resolution(query: Query, resolution: Resolution) -> bytes:
    """The answer. Preconditions: it is not to be forwarded."""
    if resolution.said is Said.FOUND:
        records = [
            _record(_NAME_AT_QUESTION, resolution.kind, _data(resolution.kind, each))
            for each in resolution.values
        ]
        return _render(query, NO_ERROR, records, [])
    code = NO_SUCH_NAME if resolution.said is Said.NO_NAME else NO_ERROR
    return _render(query, code, [], [_authority(resolution.zone)] if resolution.zone else [])


def cut_to_size(query: Query, answer: bytes) -> bytes:
    """The answer as it may be sent in one datagram; one that is too long says that TCP has it."""
    if len(answer) <= query.udp_bytes:
        return answer
    identity, flags, *_ = _HEADER.unpack_from(answer)
    return _HEADER.pack(identity, flags | _TRUNCATED, 1, 0, 0, 0) + query.question


def is_answer_to(query: Query, identity: int, wire: bytes) -> bool:
    """Whether it answers the question that was sent on under that id."""
    if len(wire) < _HEADER.size + len(query.question):
        return False
    answered, flags, questions, *_ = _HEADER.unpack_from(wire)
    same = wire[_HEADER.size : _HEADER.size + len(query.question)].lower() == query.question.lower()
    return answered == identity and bool(flags & _RESPONSE) and questions == 1 and same


def with_id(wire: bytes, identity: int) -> bytes:
    """The message under another id."""
    return identity.to_bytes(2) + wire[2:]


def response_code(wire: bytes) -> int:
    """NO_ERROR and its like."""
    return wire[3] & 0x0F


def _parse_name(wire: bytes, at: int) -> tuple[str, int]:
    """The name that begins there, and where it ends; a question has nothing to point back to."""
    labels = []
    began = at
    while length := wire[at]:
        if length > _LABEL_MAX or at + length - began > _NAME_MAX:
            raise ValueError("no name")
        label = wire[at + 1 : at + 1 + length]
        # A dot within a label is no dot between two: such a name is nobody's here.
        labels.append(label.decode("latin-1").lower().replace(".", "\\."))
        at += 1 + length
    return ".".join(labels), at + 1


def _read_edns(wire: bytes, at: int) -> int | None:
    """How large a datagram the asker takes, where the one record after the question says so."""
    if wire[at : at + 1] != b"\0" or len(wire) < at + 1 + _RECORD.size:
        return None
    kind, size, _, _ = _RECORD.unpack_from(wire, at + 1)
    return size if kind == TYPE_OPT else None


def _render(query: Query, code: int, answers: Sequence[bytes], authorities: Sequence[bytes]) -> bytes:
    flags = _RESPONSE | _RECURSION_AVAILABLE | query.flags & _KEPT | code
    options = [b"\0" + _RECORD.pack(TYPE_OPT, QUERY_MAX_BYTES, 0, 0)] if query.has_edns else []
    header = _HEADER.pack(query.id, flags, 1, len(answers), len(authorities), len(options))
    return b"".join([header, query.question, *answers, *authorities, *options])


def _header(identity: int, flags: int, code: int) -> bytes:
    return _HEADER.pack(identity, _RESPONSE | _RECURSION_AVAILABLE | flags & _KEPT | code, 0, 0, 0, 0)


def _record(owner: bytes, kind: int, data: bytes) -> bytes:
    return owner + _RECORD.pack(kind, CLASS_IN, TTL_S, len(data)) + data


def _authority(zone: str) -> bytes:
    """Whose word it is that there is nothing, and for how long to believe it."""
    times = struct.pack("!5I", 1, 7200, 900, 1209600, TTL_S)  # serial, refresh, retry, expire, negative TTL
    return _record(_name(zone), names.TYPE_SOA, _name(f"ns.{zone}") + _name(f"hostmaster.{zone}") + times)


def _data(kind: int, value: str) -> bytes:
    match kind:
        case names.TYPE_A:
            return IPv4Address(value).packed
        case names.TYPE_PTR:
            return _name(value)
    raise ValueError(f"no record type of ours: {kind}")


def _name(name: str) -> bytes:
    return b"".join(len(label).to_bytes(1) + label.encode("latin-1") for label in name.split(".")) + b"\0"
