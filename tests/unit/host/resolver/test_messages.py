"""DNS messages as dnspython writes and reads them: it is the oracle, for what we read and for what we say."""

import contextlib

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bastide.host.resolver import messages
from bastide.host.resolver.messages import Malformed, parse_query
from bastide.model.network.names import TYPE_A, TYPE_PTR, Resolution, Said

LABELS = st.text("abcxyzABC019-_", min_size=1, max_size=20)


def query(name: str = "Web.Example.", kind: str = "A", **options: object) -> bytes:
    return dns.message.make_query(name, kind, **options).to_wire()  # type: ignore[arg-type]


@given(st.lists(LABELS, max_size=6), st.sampled_from(["A", "AAAA", "PTR", "TXT", "ANY"]))
def test_a_question_is_read_as_it_was_asked(labels: list[str], kind: str) -> None:
    asked = dns.message.make_query(".".join(labels) + ".", kind)
    read = parse_query(asked.to_wire())
    assert read.name == ".".join(labels).lower()
    assert (read.id, read.kind, read.klass) == (asked.id, dns.rdatatype.from_text(kind), 1)
    assert (read.udp_bytes, read.has_edns) == (512, False)


def test_how_much_the_asker_takes_is_read() -> None:
    assert parse_query(query(use_edns=0, payload=1400)).udp_bytes == 1400
    assert parse_query(query(use_edns=0, payload=100)).udp_bytes == 512
    assert parse_query(query(use_edns=0)).has_edns


@pytest.mark.parametrize("with_edns", [False, True])
def test_addresses_are_answered(with_edns: bool) -> None:
    asked = dns.message.make_query("Web.Example.", "A", use_edns=0 if with_edns else None)
    found = Resolution(Said.FOUND, TYPE_A, ("10.0.0.7", "10.0.0.8"), "example")
    answer = dns.message.from_wire(messages.render_resolution(parse_query(asked.to_wire()), found))
    assert asked.is_response(answer)
    assert answer.answer == [dns.rrset.from_text("web.example.", 60, "IN", "A", "10.0.0.7", "10.0.0.8")]
    assert (answer.edns == 0) is with_edns
    assert answer.flags & dns.flags.RA


def test_a_name_is_answered() -> None:
    asked = dns.message.make_query("5.0.0.10.in-addr.arpa.", "PTR")
    found = Resolution(Said.FOUND, TYPE_PTR, ("ip-10-0-0-5.ec2.internal",), "arpa")
    answer = dns.message.from_wire(messages.render_resolution(parse_query(asked.to_wire()), found))
    assert answer.answer[0].to_text().endswith("IN PTR ip-10-0-0-5.ec2.internal.")


@pytest.mark.parametrize(
    ("said", "code"), [(Said.NO_DATA, dns.rcode.NOERROR), (Said.NO_NAME, dns.rcode.NXDOMAIN)]
)
def test_that_there_is_nothing_is_said_with_whose_word_it_is(said: Said, code: dns.rcode.Rcode) -> None:
    read = parse_query(query())
    answer = dns.message.from_wire(messages.render_resolution(read, Resolution(said, zone="example")))
    assert (answer.rcode(), answer.answer) == (code, [])
    assert answer.authority[0].to_text().startswith("example. 60 IN SOA ns.example. hostmaster.example.")
    bare = dns.message.from_wire(messages.render_resolution(read, Resolution(said)))
    assert bare.authority == []


def test_what_is_too_long_for_a_datagram_is_to_be_had_by_tcp() -> None:
    read = parse_query(query())
    many = Resolution(Said.FOUND, TYPE_A, tuple(f"10.0.0.{n}" for n in range(60)), "example")
    whole = messages.render_resolution(read, many)
    cut = dns.message.from_wire(messages.cut_to_size(read, whole))
    assert cut.flags & dns.flags.TC
    assert (cut.answer, cut.question) == ([], dns.message.from_wire(query()).question)
    assert messages.cut_to_size(parse_query(query(use_edns=0, payload=1232)), whole) == whole


def test_an_answer_must_be_to_the_question() -> None:
    read = parse_query(query())

    def answer(name: str, identity: int, kind: str = "A") -> bytes:
        asked = dns.message.make_query(name, kind)
        asked.id = identity
        return dns.message.make_response(asked).to_wire()

    assert messages.is_answer_to(read, 7, answer("WEB.example.", 7))
    assert not messages.is_answer_to(read, 7, answer("web.example.", 8))
    assert not messages.is_answer_to(read, 7, answer("other.example.", 7))
    assert not messages.is_answer_to(read, 7, answer("web.example.", 7, "AAAA"))
    assert not messages.is_answer_to(read, 7, messages.with_id(query(), 7))
    assert not messages.is_answer_to(read, 7, b"")


def test_an_answer_is_never_answered() -> None:
    with pytest.raises(Malformed) as refused:
        parse_query(dns.message.make_response(dns.message.from_wire(query())).to_wire())
    assert refused.value.answer == b""


def test_what_is_no_look_up_is_told_so() -> None:
    update = dns.message.make_query("web.example.", "A")
    update.set_opcode(dns.opcode.NOTIFY)
    two = dns.message.make_query("web.example.", "A")
    two.question.append(dns.message.make_query("b.example.", "A").question[0])
    for wire, code in ((update.to_wire(), dns.rcode.NOTIMP), (two.to_wire(), dns.rcode.FORMERR)):
        with pytest.raises(Malformed) as refused:
            parse_query(wire)
        assert dns.message.from_wire(refused.value.answer).rcode() == code


@given(st.binary(max_size=300))
def test_any_bytes_are_a_question_or_malformed(wire: bytes) -> None:
    with contextlib.suppress(Malformed):
        read = parse_query(wire)
        assert read.question in wire


@given(st.binary(max_size=60), st.integers(0, 59))
def test_a_damaged_question_is_a_question_or_malformed(noise: bytes, at: int) -> None:
    good = query("a-name.some-where.example.", use_edns=0)
    with contextlib.suppress(Malformed):
        parse_query(good[:at] + noise + good[at + len(noise) :])


@given(st.binary(min_size=12, max_size=120))
def test_what_we_read_the_oracle_reads_the_same(wire: bytes) -> None:
    asked = wire[:2] + b"\1\0\0\1\0\0\0\0\0\0" + wire[12:]
    try:
        oracle = dns.message.from_wire(asked, ignore_trailing=True)
    except dns.exception.DNSException:
        return
    read = parse_query(asked)
    assert (read.kind, read.klass) == (oracle.question[0].rdtype, oracle.question[0].rdclass)
