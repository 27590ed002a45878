"""Whom a policy names, changed in its text and nothing else. with_principals."""

import json

import pytest

from bastide.permissions import with_principals

ARN = "arn:aws:iam::111122223333:user/ann"
ID = "AIDAAAAAAAAAAAAAAAAAA"
WRITTEN = """{ "Id" : "ANN",
  "Statement": [
    {"Principal": {"AWS": [ "ANN", "*" ], "Service": "ANN"}, "Sid": "ANN", "Action": ["ANN"],
     "Condition": {"ArnEquals": {"aws:PrincipalArn": ["ANN"], "AWS": "ANN"}}},
    {"NotPrincipal":{"AWS":"ANN"}, "Resource": "a \\"{[ANN"}
  ]
}"""


def test_principals_alone_are_changed_and_the_rest_stays_as_it_was_written() -> None:
    before = WRITTEN.replace("ANN", ARN)
    after = with_principals(before, lambda name: ID if name == ARN else name)
    expected = before.replace(f'"AWS": [ "{ARN}"', f'"AWS": [ "{ID}"')
    assert after == expected.replace(f'{{"AWS":"{ARN}"}}', f'{{"AWS":"{ID}"}}')
    assert with_principals(after, lambda name: ARN if name == ID else name) == before


@pytest.mark.parametrize("spelled", [ARN.replace("/", "\\/"), ARN.replace("a", "\\u0061", 1)])
def test_a_name_is_the_same_however_it_is_spelled(spelled: str) -> None:
    text = f'{{"Statement":{{"Princip\\u0061l":{{"AWS":"{spelled}"}}}}}}'
    assert with_principals(text, lambda name: name) == text
    changed = with_principals(text, lambda name: ID if name == ARN else name)
    assert json.loads(changed)["Statement"]["Principal"]["AWS"] == ID
