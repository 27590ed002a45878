"""Who may do what: the language of policies and the decision. Pure: no store, no clock, no operation."""

from bastide.permissions.at_resources import check_at_resource, is_public
from bastide.permissions.checks import parse_document, parse_managed
from bastide.permissions.denials import render_denial
from bastide.permissions.documents import PolicyKind
from bastide.permissions.evaluation import Decision, Policies, Source, evaluate, evaluate_trust
from bastide.permissions.policies import Effect, Policy, compile_at_resource, compile_policy
from bastide.permissions.principals import with_principals
from bastide.permissions.requests import ANYTHING, Principal, PrincipalKind, Request

__all__ = [
    "ANYTHING",
    "Decision",
    "Effect",
    "Policies",
    "Policy",
    "PolicyKind",
    "Principal",
    "PrincipalKind",
    "Request",
    "Source",
    "check_at_resource",
    "compile_at_resource",
    "compile_policy",
    "evaluate",
    "evaluate_trust",
    "is_public",
    "parse_document",
    "parse_managed",
    "render_denial",
    "with_principals",
]
