"""The one table between what went wrong here and AWS: the only package with AWS's error codes.

A fault (service, class, noun), a refused signature and a malformed request (family of protocols, reason)
each have a row. A fault's own `why` is the sentence the user reads; the row's is used when there is none,
with `{name}` filled in. A noun is one thing in lower case ("task definition"); "parameter" is any plain
value that is wrong. A fault without a row is a bug: the caller gets the service's 5xx.
"""

from collections.abc import Mapping

from bastide.api.errors import ec2, iam
from bastide.api.errors.rows import Row, Table
from bastide.model.faults import (
    AlreadyExists,
    Conflict,
    Denied,
    InUse,
    Invalid,
    LimitExceeded,
    NotFound,
    Unavailable,
    Unsupported,
)
from bastide.wire.malformed import MalformedReason
from bastide.wire.sigv4 import RefusedReason

_ECS: Table = {
    (NotFound, "cluster"): Row("ClusterNotFoundException", "Cluster not found."),
    (NotFound, "task definition"): Row("ClientException", "Unable to describe task definition."),
    (NotFound, "service"): Row("ServiceNotFoundException", "Service not found."),
    (NotFound, "task"): Row("InvalidParameterException", "The referenced task was not found."),
    (NotFound, "capacity provider"): Row(
        "InvalidParameterException", "The specified capacity provider {name} was not found."
    ),
    (NotFound, "resource"): Row("ResourceNotFoundException", "The specified resource {name} was not found."),
    (Invalid, "parameter"): Row("InvalidParameterException"),
    (Invalid, "page token"): Row("InvalidParameterException", "Invalid token."),
    (Invalid, "tag"): Row("InvalidParameterException"),
    (Invalid, "setting"): Row("InvalidParameterException"),
    (Denied, "role"): Row("ClientException"),
    (Invalid, "task definition"): Row("ClientException"),
    (Invalid, "platform version"): Row("PlatformUnknownException"),
    (Unsupported, "platform version"): Row("PlatformTaskDefinitionIncompatibilityException"),
    (Unsupported, "feature"): Row("UnsupportedFeatureException"),
    (Conflict, "client token"): Row("ConflictException"),
    (InUse, "cluster tasks"): Row(
        "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active."
    ),
    (InUse, "capacity provider"): Row("ResourceInUseException"),
    (LimitExceeded, "revision"): Row("LimitExceededException"),
    (Invalid, "command"): Row("ClientException"),
    (LimitExceeded, "exec sessions"): Row("ClientException"),
    (Unavailable, "exec target"): Row(
        "TargetNotConnectedException", "The execute command failed due to an internal error. Try again later."
    ),
    (Unavailable, "store"): Row("ServerException", "The service is busy. Try again."),
}

_CLOUDTRAIL: Table = {
    (Invalid, "event category"): Row("InvalidEventCategoryException"),
    (Invalid, "lookup attributes"): Row("InvalidLookupAttributesException"),
    (Invalid, "page token"): Row("InvalidNextTokenException", "The next token is invalid."),
    (Invalid, "parameter"): Row("InvalidMaxResultsException"),
    (Invalid, "time range"): Row("InvalidTimeRangeException"),
    (Unavailable, "store"): Row("ServiceUnavailable", "The service is busy. Try again."),
}

_LOGS: Table = {
    (NotFound, "log group"): Row("ResourceNotFoundException", "The specified log group does not exist."),
    (NotFound, "log stream"): Row("ResourceNotFoundException", "The specified log stream does not exist."),
    (AlreadyExists, "log group"): Row(
        "ResourceAlreadyExistsException", "The specified log group already exists"
    ),
    (AlreadyExists, "log stream"): Row(
        "ResourceAlreadyExistsException", "The specified log stream already exists"
    ),
    (Invalid, "parameter"): Row("InvalidParameterException"),
    (Invalid, "page token"): Row("InvalidParameterException", "The specified nextToken is invalid."),
    (Invalid, "principal"): Row(
        "InvalidParameterException",
        'Invalid policy document: Invalid principal in policy: "AWS":"{name}"',
    ),
    (InUse, "log group"): Row("ValidationException"),
    (NotFound, "query"): Row("ResourceNotFoundException", "The specified query does not exist."),
    (NotFound, "log record"): Row("ResourceNotFoundException", "The specified log record does not exist."),
    (NotFound, "filter"): Row("ResourceNotFoundException", "The specified filter does not exist."),
    (Invalid, "query"): Row("MalformedQueryException"),
    (NotFound, "resource policy"): Row(
        "ResourceNotFoundException", "The specified resource policy does not exist."
    ),
    (Conflict, "resource policy"): Row(
        "OperationAbortedException", "The expected revision ID is not that of the resource policy."
    ),
    (LimitExceeded, "resource policies"): Row("LimitExceededException", "Resource limit exceeded."),
    (LimitExceeded, "queries"): Row("LimitExceededException"),
    (LimitExceeded, "filters"): Row("LimitExceededException", "Resource limit exceeded."),
    (LimitExceeded, "tags"): Row("TooManyTagsException"),
    (Unavailable, "store"): Row("ServiceUnavailableException", "The service is busy. Try again."),
}

_ECR: Table = {
    (NotFound, "repository"): Row("RepositoryNotFoundException"),
    (NotFound, "repository policy"): Row("RepositoryPolicyNotFoundException"),
    (NotFound, "lifecycle policy"): Row("LifecyclePolicyNotFoundException"),
    (NotFound, "lifecycle policy preview"): Row("LifecyclePolicyPreviewNotFoundException"),
    (NotFound, "image"): Row("ImageNotFoundException"),
    (NotFound, "layers"): Row("LayersNotFoundException"),
    (NotFound, "referenced images"): Row("ReferencedImagesNotFoundException"),
    (NotFound, "upload"): Row("UploadNotFoundException"),
    (NotFound, "template"): Row("TemplateNotFoundException"),
    (NotFound, "pull-through cache rule"): Row("PullThroughCacheRuleNotFoundException"),
    (AlreadyExists, "template"): Row("TemplateAlreadyExistsException"),
    (AlreadyExists, "pull-through cache rule"): Row("PullThroughCacheRuleAlreadyExistsException"),
    (AlreadyExists, "repository"): Row("RepositoryAlreadyExistsException"),
    (AlreadyExists, "image"): Row("ImageAlreadyExistsException"),
    (AlreadyExists, "image tag"): Row("ImageTagAlreadyExistsException"),
    (AlreadyExists, "layer"): Row("LayerAlreadyExistsException"),
    (Conflict, "image digest"): Row("ImageDigestDoesNotMatchException"),
    (Conflict, "upload"): Row("InvalidLayerPartException"),
    (InUse, "repository"): Row("RepositoryNotEmptyException"),
    (InUse, "lifecycle policy preview"): Row("LifecyclePolicyPreviewInProgressException"),
    (Invalid, "parameter"): Row("InvalidParameterException"),
    (Invalid, "page token"): Row("InvalidParameterException", "Invalid nextToken"),
    (Invalid, "tag"): Row("InvalidTagParameterException"),
    (Invalid, "lifecycle policy"): Row("InvalidParameterException"),
    (Invalid, "principal"): Row(
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Principal not found'",
    ),
    (Invalid, "layer size"): Row("InvalidParameterException"),
    (Invalid, "layer part"): Row("InvalidLayerPartException"),
    (Invalid, "layer"): Row("InvalidLayerException"),
    (Invalid, "empty upload"): Row("EmptyUploadException"),
    (Invalid, "kms key"): Row("KmsException"),
    (Invalid, "upstream registry"): Row("UnsupportedUpstreamRegistryException"),
    (LimitExceeded, "tags"): Row("TooManyTagsException"),
    (LimitExceeded, "tags of an image"): Row("LimitExceededException"),
    (Unavailable, "registry disk"): Row("ServerException", "The disk of the registry is full."),
    (Unavailable, "store"): Row("ServerException", "The service is busy. Try again."),
}

_SECRETS: Table = {
    (NotFound, "secret"): Row(
        "ResourceNotFoundException", "Secrets Manager can't find the specified secret."
    ),
    (NotFound, "secret version"): Row("ResourceNotFoundException"),
    (NotFound, "policy"): Row("ResourceNotFoundException", "The secret has no resource policy {name}."),
    (Invalid, "policy document"): Row("MalformedPolicyDocumentException"),
    (Invalid, "principal"): Row(
        "MalformedPolicyDocumentException", "This resource policy contains an unsupported principal."
    ),
    (Denied, "public policy"): Row(
        "PublicPolicyException", "The resource policy did not prevent broad access to the secret."
    ),
    (AlreadyExists, "secret"): Row(
        "ResourceExistsException", "The operation failed because the secret {name} already exists."
    ),
    (AlreadyExists, "secret version"): Row("ResourceExistsException"),
    (Invalid, "parameter"): Row("InvalidParameterException"),
    (Invalid, "request"): Row("InvalidRequestException"),
    (Invalid, "secret name"): Row("ValidationException"),
    (Invalid, "kms key"): Row(
        "EncryptionFailure",
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the "
        "KMS key is available, enabled, and not in an invalid state.",
    ),
    (Invalid, "sealed value"): Row("DecryptionFailure"),
    (Invalid, "page token"): Row("InvalidNextTokenException", "The NextToken value is invalid."),
    (LimitExceeded, "labels"): Row("LimitExceededException"),
    (LimitExceeded, "tags"): Row("LimitExceededException"),
    (Unsupported, "feature"): Row("InvalidRequestException"),
    (Unavailable, "store"): Row("ServiceUnavailable", "The service is busy. Try again."),
}

_SSM: Table = {
    (NotFound, "parameter"): Row("ParameterNotFound", "Parameter {name} not found."),
    (NotFound, "parameter version"): Row("ParameterVersionNotFound"),
    (AlreadyExists, "parameter"): Row(
        "ParameterAlreadyExists",
        "The parameter already exists. To overwrite this value, set the overwrite option in the request to "
        "true.",
    ),
    (Conflict, "parameter type"): Row("HierarchyTypeMismatchException"),
    (LimitExceeded, "levels"): Row("HierarchyLevelLimitExceededException"),
    (LimitExceeded, "parameter versions"): Row("ParameterMaxVersionLimitExceeded"),
    (LimitExceeded, "labels"): Row("ParameterVersionLabelLimitExceeded"),
    (LimitExceeded, "tags"): Row("TooManyTagsError"),
    (Invalid, "parameter"): Row("ValidationException"),
    (Invalid, "page token"): Row("InvalidNextToken", "The specified token is invalid."),
    (Invalid, "kms key"): Row("InvalidKeyId"),
    (Invalid, "sealed value"): Row("InvalidKeyId"),
    (Invalid, "filter key"): Row("InvalidFilterKey"),
    (Invalid, "filter option"): Row("InvalidFilterOption"),
    (Invalid, "filter value"): Row("InvalidFilterValue"),
    (Invalid, "resource type"): Row("InvalidResourceType"),
    (Invalid, "resource id"): Row("InvalidResourceId"),
    (Denied, "parameter name"): Row("AccessDeniedException"),
    (NotFound, "session"): Row("DoesNotExistException", "Session {name} does not exist."),
    (Unsupported, "allowed pattern"): Row("InvalidAllowedPatternException"),
    (Unsupported, "policies"): Row("InvalidPolicyTypeException"),
    (Unavailable, "store"): Row("ServiceUnavailable", "The service is busy. Try again."),
}

_S3: Table = {
    (NotFound, "bucket"): Row("NoSuchBucket", "The specified bucket does not exist"),
    (NotFound, "object"): Row("NoSuchKey", "The specified key does not exist."),
    (AlreadyExists, "bucket"): Row(
        "BucketAlreadyExists",
        "The requested bucket name is not available. The bucket namespace is shared by all users of the "
        "system. Please select a different name and try again.",
    ),
    (AlreadyExists, "bucket of one's own"): Row(
        "BucketAlreadyOwnedByYou",
        "Your previous request to create the named bucket succeeded and you already own it.",
    ),
    (InUse, "bucket"): Row("BucketNotEmpty", "The bucket you tried to delete is not empty"),
    (NotFound, "bucket policy"): Row("NoSuchBucketPolicy", "The bucket policy does not exist"),
    (Invalid, "policy document"): Row("MalformedPolicy"),
    (Invalid, "principal"): Row("MalformedPolicy", "Invalid principal in policy"),
    (Invalid, "policy size"): Row("PolicyTooLarge", "Policy exceeds the maximum allowed document size."),
    (Denied, "bucket"): Row("AccessDenied", "Access Denied"),
    (Invalid, "bucket name"): Row("InvalidBucketName", "The specified bucket is not valid."),
    (Invalid, "location"): Row("IllegalLocationConstraintException"),
    (Invalid, "argument"): Row("InvalidArgument"),
    (Invalid, "parameter"): Row("InvalidArgument"),
    (Invalid, "page token"): Row("InvalidArgument", "The continuation token provided is incorrect"),
    (Invalid, "key length"): Row("KeyTooLongError", "Your key is too long"),
    (Invalid, "checksum"): Row("BadDigest"),
    (Invalid, "digest"): Row("InvalidDigest"),
    (Invalid, "precondition"): Row(
        "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"
    ),
    (Invalid, "range"): Row("InvalidRange", "The requested range is not satisfiable"),
    (Invalid, "sealed value"): Row("InternalError"),
    (Unsupported, "header"): Row("NotImplemented"),
    (Unavailable, "store"): Row("ServiceUnavailable", "The service is busy. Try again."),
}

FAULTS: Mapping[str, Table] = {
    "cloudtrail": _CLOUDTRAIL,
    "ec2": ec2.FAULTS,
    "ecr": _ECR,
    "ecs": _ECS,
    "iam": iam.IAM,
    "logs": _LOGS,
    "s3": _S3,
    "secretsmanager": _SECRETS,
    "ssm": _SSM,
    "sts": iam.STS,
}


# Families of protocols: services of one family answer alike to what is no call at all.
JSON, QUERY, EC2, S3 = "json", "query", "ec2", "s3"

# "Common Errors" of the API references (ECS, STS), "Error codes for the Amazon EC2 API" and the S3 "Error
# responses": codes that no service model lists, and the status each comes with.
COMMON: Mapping[str, Mapping[str, int]] = {
    JSON: {
        "AccessDeniedException": 400,
        "ExpiredTokenException": 400,
        "IncompleteSignatureException": 400,
        "InternalFailure": 500,
        "InvalidSignatureException": 400,
        "MissingAuthenticationTokenException": 400,
        "RequestEntityTooLargeException": 413,
        "RequestTimeoutException": 408,
        "SerializationException": 400,
        "ServiceUnavailable": 503,
        "UnknownOperationException": 400,
        "UnrecognizedClientException": 400,
        "UnsupportedMediaTypeException": 415,
        "ValidationException": 400,
    },
    QUERY: {
        "AccessDenied": 403,
        "ExpiredToken": 403,
        "IncompleteSignature": 400,
        "InternalFailure": 500,
        "InvalidAction": 400,
        "InvalidClientTokenId": 403,
        "InvalidParameterValue": 400,
        "MalformedInput": 400,
        "MissingAuthenticationToken": 403,
        "RequestEntityTooLarge": 413,
        "RequestTimeout": 408,
        "ServiceUnavailable": 503,
        "SignatureDoesNotMatch": 403,
        "ValidationError": 400,
    },
    EC2: ec2.CODES,
    S3: {
        "AccessDenied": 403,
        "AuthorizationHeaderMalformed": 400,
        "BadDigest": 400,
        "BucketNotEmpty": 409,
        "EntityTooLarge": 400,
        "ExpiredToken": 400,
        "IllegalLocationConstraintException": 400,
        "InternalError": 500,
        "InvalidAccessKeyId": 403,
        "InvalidArgument": 400,
        "InvalidBucketName": 400,
        "InvalidDigest": 400,
        "InvalidRange": 416,
        "InvalidRequest": 400,
        "InvalidToken": 400,
        "KeyTooLongError": 400,
        "MalformedPolicy": 400,
        "MalformedXML": 400,
        "MethodNotAllowed": 405,
        "NoSuchBucketPolicy": 404,
        "NotImplemented": 501,
        "PolicyTooLarge": 400,
        "PreconditionFailed": 412,
        "RequestTimeTooSkewed": 403,
        "RequestTimeout": 400,
        "ServiceUnavailable": 503,
        "SignatureDoesNotMatch": 403,
        "XAmzContentSHA256Mismatch": 400,
    },
}

_EC2_REFUSED = Row("AuthFailure", "AWS was not able to validate the provided access credentials")
REFUSALS: Mapping[str, Mapping[RefusedReason, Row]] = {
    JSON: {
        RefusedReason.MISSING: Row("MissingAuthenticationTokenException"),
        RefusedReason.INCOMPLETE: Row("IncompleteSignatureException"),
        RefusedReason.UNKNOWN_KEY: Row("UnrecognizedClientException"),
        RefusedReason.MISMATCH: Row("InvalidSignatureException"),
        RefusedReason.EXPIRED: Row("InvalidSignatureException"),
        RefusedReason.NOT_YET: Row("InvalidSignatureException"),
        RefusedReason.BAD_SCOPE: Row("InvalidSignatureException"),
        RefusedReason.EXPIRED_TOKEN: Row("ExpiredTokenException"),
        RefusedReason.BAD_TOKEN: Row("UnrecognizedClientException"),
        RefusedReason.BODY_HASH: Row("InvalidSignatureException"),
        RefusedReason.UNSUPPORTED_PAYLOAD: Row("InvalidSignatureException"),
    },
    QUERY: {
        RefusedReason.MISSING: Row("MissingAuthenticationToken"),
        RefusedReason.INCOMPLETE: Row("IncompleteSignature"),
        RefusedReason.UNKNOWN_KEY: Row("InvalidClientTokenId"),
        RefusedReason.MISMATCH: Row("SignatureDoesNotMatch"),
        RefusedReason.EXPIRED: Row("SignatureDoesNotMatch"),
        RefusedReason.NOT_YET: Row("SignatureDoesNotMatch"),
        RefusedReason.BAD_SCOPE: Row("SignatureDoesNotMatch"),
        RefusedReason.EXPIRED_TOKEN: Row("ExpiredToken"),
        RefusedReason.BAD_TOKEN: Row("InvalidClientTokenId"),
        RefusedReason.BODY_HASH: Row("SignatureDoesNotMatch"),
        RefusedReason.UNSUPPORTED_PAYLOAD: Row("SignatureDoesNotMatch"),
    },
    EC2: {
        RefusedReason.MISSING: Row(
            "MissingParameter", "The request must contain the parameter AWSAccessKeyId"
        ),
        RefusedReason.INCOMPLETE: _EC2_REFUSED,
        RefusedReason.UNKNOWN_KEY: _EC2_REFUSED,
        RefusedReason.MISMATCH: _EC2_REFUSED,
        RefusedReason.EXPIRED: Row("RequestExpired", "Request has expired."),
        RefusedReason.NOT_YET: Row("RequestExpired", "Request is not valid yet."),
        RefusedReason.BAD_SCOPE: _EC2_REFUSED,
        RefusedReason.EXPIRED_TOKEN: Row("RequestExpired", "Request has expired."),
        RefusedReason.BAD_TOKEN: _EC2_REFUSED,
        RefusedReason.BODY_HASH: _EC2_REFUSED,
        RefusedReason.UNSUPPORTED_PAYLOAD: _EC2_REFUSED,
    },
    S3: {
        RefusedReason.MISSING: Row("AccessDenied", "Access Denied"),
        RefusedReason.INCOMPLETE: Row("AuthorizationHeaderMalformed"),
        RefusedReason.UNKNOWN_KEY: Row("InvalidAccessKeyId"),
        RefusedReason.MISMATCH: Row("SignatureDoesNotMatch"),
        RefusedReason.EXPIRED: Row("RequestTimeTooSkewed"),
        RefusedReason.NOT_YET: Row("RequestTimeTooSkewed"),
        RefusedReason.BAD_SCOPE: Row("AuthorizationHeaderMalformed"),
        RefusedReason.EXPIRED_TOKEN: Row("ExpiredToken"),
        RefusedReason.BAD_TOKEN: Row("InvalidToken"),
        RefusedReason.BODY_HASH: Row("XAmzContentSHA256Mismatch"),
        RefusedReason.UNSUPPORTED_PAYLOAD: Row("NotImplemented"),
    },
}

MALFORMED: Mapping[str, Mapping[MalformedReason, Row]] = {
    JSON: {
        MalformedReason.SERIALIZATION: Row("SerializationException"),
        MalformedReason.UNKNOWN_OPERATION: Row("UnknownOperationException"),
        MalformedReason.UNKNOWN_SERVICE: Row("UnknownOperationException"),
        MalformedReason.VALIDATION: Row("ValidationException"),
        MalformedReason.TOO_LARGE: Row("RequestEntityTooLargeException"),
        MalformedReason.UNSUPPORTED_MEDIA: Row("UnsupportedMediaTypeException"),
    },
    QUERY: {
        MalformedReason.SERIALIZATION: Row("MalformedInput"),
        MalformedReason.UNKNOWN_OPERATION: Row("InvalidAction"),
        MalformedReason.UNKNOWN_SERVICE: Row("InvalidAction"),
        MalformedReason.VALIDATION: Row("ValidationError"),
        MalformedReason.TOO_LARGE: Row("RequestEntityTooLarge"),
        MalformedReason.UNSUPPORTED_MEDIA: Row("MalformedInput"),
    },
    EC2: {
        MalformedReason.SERIALIZATION: Row("MalformedQueryString"),
        MalformedReason.UNKNOWN_OPERATION: Row("InvalidAction"),
        MalformedReason.UNKNOWN_SERVICE: Row("InvalidAction"),
        MalformedReason.VALIDATION: Row("InvalidParameterValue"),
        MalformedReason.TOO_LARGE: Row("RequestEntityTooLarge"),
        MalformedReason.UNSUPPORTED_MEDIA: Row("MalformedQueryString"),
    },
    S3: {
        MalformedReason.SERIALIZATION: Row("MalformedXML"),
        MalformedReason.UNKNOWN_OPERATION: Row("MethodNotAllowed"),
        MalformedReason.UNKNOWN_SERVICE: Row("MethodNotAllowed"),
        MalformedReason.VALIDATION: Row("InvalidArgument"),
        MalformedReason.TOO_LARGE: Row("EntityTooLarge"),
        MalformedReason.UNSUPPORTED_MEDIA: Row("InvalidRequest"),
    },
}
# Services that call a broken rule of their model by a name of their own.
INVALID_CODES: Mapping[str, str] = {
    "ecr": "InvalidParameterException",
    "ecs": "InvalidParameterException",
    "logs": "InvalidParameterException",
}
# The same where it is a member of its own code that does not obey the model.
INVALID_MEMBERS: Mapping[tuple[str, str], str] = {
    ("cloudtrail", "eventCategory"): "InvalidEventCategoryException",
    ("cloudtrail", "lookupAttributes"): "InvalidLookupAttributesException",
    ("cloudtrail", "maxResults"): "InvalidMaxResultsException",
}

# What a caller is told who may not: the sentence of permissions/denials.py.
DENIED: Mapping[str, Row] = {
    JSON: Row("AccessDeniedException", "{why}"),
    QUERY: Row("AccessDenied", "{why}"),
    EC2: Row("UnauthorizedOperation", "You are not authorized to perform this operation. {why}"),
    S3: Row("AccessDenied", "{why}"),
}

# What an operation of the model answers that does not exist here, and what anything unforeseen becomes.
UNBUILT: Mapping[str, str] = {
    "ecs": "UnsupportedFeatureException",
    JSON: "UnknownOperationException",
    QUERY: "InvalidAction",
    EC2: "UnsupportedOperation",
    S3: "NotImplemented",
}
MISSING_PARAMETER: Mapping[str, str] = {EC2: "MissingParameter"}
INTERNAL: Mapping[str, str] = {
    "ecr": "ServerException",
    "ecs": "ServerException",
    JSON: "InternalFailure",
    QUERY: "InternalFailure",
    EC2: "InternalError",
    S3: "InternalError",
}
# While the audit log cannot be kept, whatever would change something.
UNRECORDED: Mapping[str, str] = {
    JSON: "ServiceUnavailable",
    QUERY: "ServiceUnavailable",
    EC2: "Unavailable",
    S3: "ServiceUnavailable",
}
SLOW_BODY: Mapping[str, str] = {
    JSON: "RequestTimeoutException",
    QUERY: "RequestTimeout",
    EC2: "RequestTimeout",
    S3: "RequestTimeout",
}
