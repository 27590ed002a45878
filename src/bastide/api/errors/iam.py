"""IAM's and STS's part of the table."""

from bastide.api.errors.rows import Row, Table
from bastide.model.faults import (
    AlreadyExists,
    Denied,
    InUse,
    Invalid,
    LimitExceeded,
    NotFound,
    Unavailable,
)

IAM: Table = {
    (NotFound, "user"): Row("NoSuchEntity", "The user with name {name} cannot be found."),
    (NotFound, "group"): Row("NoSuchEntity", "The group with name {name} cannot be found."),
    (NotFound, "role"): Row("NoSuchEntity", "The role with name {name} cannot be found."),
    (NotFound, "policy"): Row("NoSuchEntity", "Policy {name} was not found."),
    (NotFound, "policy version"): Row("NoSuchEntity"),
    (NotFound, "inline policy"): Row("NoSuchEntity"),
    (NotFound, "boundary"): Row("NoSuchEntity"),
    (NotFound, "access key"): Row("NoSuchEntity", "The Access Key with id {name} cannot be found."),
    (NotFound, "instance profile"): Row("NoSuchEntity", "Instance Profile {name} cannot be found."),
    (NotFound, "login profile"): Row("NoSuchEntity", "Login Profile for User {name} cannot be found."),
    (NotFound, "password policy"): Row(
        "NoSuchEntity", "The Password Policy with domain name {name} cannot be found."
    ),
    (NotFound, "alias"): Row("NoSuchEntity", "The account alias {name} cannot be found."),
    (NotFound, "deletion"): Row("NoSuchEntity", "The deletion task {name} cannot be found."),
    (AlreadyExists, "user"): Row("EntityAlreadyExists", "User with name {name} already exists."),
    (AlreadyExists, "group"): Row("EntityAlreadyExists", "Group with name {name} already exists."),
    (AlreadyExists, "role"): Row("EntityAlreadyExists", "Role with name {name} already exists."),
    (AlreadyExists, "policy"): Row("EntityAlreadyExists"),
    (AlreadyExists, "instance profile"): Row(
        "EntityAlreadyExists", "Instance Profile {name} already exists."
    ),
    (AlreadyExists, "alias"): Row("EntityAlreadyExists"),
    (InUse, "entity"): Row("DeleteConflict"),
    (InUse, "user"): Row("DeleteConflict"),
    (InUse, "group"): Row("DeleteConflict"),
    (InUse, "role"): Row("DeleteConflict"),
    (InUse, "policy"): Row("DeleteConflict"),
    (InUse, "policy version"): Row("DeleteConflict"),
    (InUse, "instance profile"): Row("DeleteConflict"),
    (LimitExceeded, "access keys"): Row("LimitExceeded"),
    (LimitExceeded, "account"): Row("LimitExceeded"),
    (LimitExceeded, "groups"): Row("LimitExceeded"),
    (LimitExceeded, "policies"): Row("LimitExceeded"),
    (LimitExceeded, "policy size"): Row("LimitExceeded"),
    (LimitExceeded, "policy versions"): Row("LimitExceeded"),
    (LimitExceeded, "roles"): Row("LimitExceeded"),
    (LimitExceeded, "tags"): Row("LimitExceeded"),
    (Invalid, "policy document"): Row("MalformedPolicyDocument"),
    (Invalid, "principal"): Row("MalformedPolicyDocument", 'Invalid principal in policy: "AWS":"{name}"'),
    (Invalid, "protected role"): Row("UnmodifiableEntity"),
    (Invalid, "input"): Row("InvalidInput"),
    (Invalid, "stored policy"): Row("PolicyEvaluation"),
    (Invalid, "tag"): Row("InvalidInput"),
    (Invalid, "parameter"): Row("ValidationError"),
    (Invalid, "page token"): Row("ValidationError", "Invalid Marker."),
    (Unavailable, "store"): Row("ServiceFailure", "The service is busy. Try again."),
}

STS: Table = {
    (NotFound, "policy"): Row("InvalidParameterValue"),
    (Denied, "role"): Row("AccessDenied"),
    (Denied, "session"): Row("AccessDenied"),
    (Invalid, "parameter"): Row("ValidationError"),
    (Invalid, "policy document"): Row("MalformedPolicyDocument"),
    (Invalid, "authorization message"): Row(
        "InvalidAuthorizationMessageException", "The message is not one of this account's."
    ),
    (Invalid, "identity token"): Row("InvalidIdentityToken"),
    (LimitExceeded, "packed policy"): Row("PackedPolicyTooLarge"),
    (Unavailable, "store"): Row("ServiceUnavailable", "The service is busy. Try again."),
}
