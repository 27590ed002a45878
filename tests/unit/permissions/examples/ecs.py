"""ECS developer guide: "Identity-based policy examples", "Task execution IAM role", "ECS Exec", "CodeDeploy
IAM role", "Tag resources during creation"; service authorization reference: each of ECS's condition keys.
"""

from typing import Any

from tests.unit.permissions.asking import ACCOUNT, statement
from tests.unit.permissions.examples.example import EVERYTHING, IAM, Example, Examples, To

ECS = f"arn:aws:ecs:us-east-1:{ACCOUNT}"
CLUSTER, OTHER = f"{ECS}:cluster/default", f"{ECS}:cluster/other"
DEFINITION, SERVICE, TASK = (
    f"{ECS}:task-definition/web:3",
    f"{ECS}:service/default/web",
    f"{ECS}:task/default/1",
)
INSTANCE = f"{ECS}:container-instance/default/1"
IN_CLUSTER, ELSEWHERE = {"ecs:cluster": CLUSTER}, {"ecs:cluster": OTHER}
NAMESPACE = f"arn:aws:servicediscovery:us-east-1:{ACCOUNT}:namespace/ns-1"
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k"
RUNS = ["ecs:RunTask", "ecs:CreateService", "ecs:UpdateService"]


def where(
    operator: str, key: str, wanted: Any, good: Any, *bad: Any, action: str = "ecs:CreateService"
) -> Example:
    """One key that has to have a value, for one action."""
    return Example(
        [statement(action=action, Condition={operator: {key: wanted}})],
        [To(action, SERVICE, {key: good})],
        [*(To(action, SERVICE, {key: each}) for each in bad), To(action, SERVICE)],
    )


EXAMPLES: Examples = {
    "see one's own permissions": Example(
        [
            statement(
                action=["iam:GetUser", "iam:ListUserPolicies"],
                resource=["arn:aws:iam::*:user/${aws:username}"],
            ),
            statement(action=["iam:ListPolicies", "iam:ListUsers"]),
        ],
        [To("iam:GetUser", f"{IAM}:user/ann", {"aws:username": "ann"}), To("iam:ListUsers")],
        [To("iam:GetUser", f"{IAM}:user/bob", {"aws:username": "ann"}), To("iam:GetRole", f"{IAM}:role/x")],
    ),
    "create and list clusters": Example(
        [statement(action=["ecs:CreateCluster", "ecs:ListClusters"], resource=["*"])],
        [To("ecs:CreateCluster", CLUSTER), To("ecs:ListClusters")],
        [To("ecs:DeleteCluster", CLUSTER)],
    ),
    "describe and delete one cluster": Example(
        [statement(action=["ecs:DescribeClusters", "ecs:DeleteCluster"], resource=[CLUSTER])],
        [To("ecs:DeleteCluster", CLUSTER)],
        [
            To("ecs:DeleteCluster", OTHER),
            To("ecs:DeleteCluster", f"{CLUSTER}2"),
            To("ecs:UpdateCluster", CLUSTER),
        ],
    ),
    "work in one cluster": Example(
        [
            statement(action=["ecs:Describe*", "ecs:List*"]),
            statement(action=["ecs:DeleteCluster", "ecs:ListContainerInstances"], resource=CLUSTER),
            statement(
                action=["ecs:StopTask", "ecs:RunTask"], Condition={"ArnEquals": {"ecs:cluster": CLUSTER}}
            ),
        ],
        [
            To("ecs:RunTask", DEFINITION, IN_CLUSTER),
            To("ecs:StopTask", TASK, IN_CLUSTER),
            To("ecs:DescribeTasks", TASK, ELSEWHERE),
            To("ecs:DeleteCluster", CLUSTER, IN_CLUSTER),
        ],
        [
            To("ecs:RunTask", DEFINITION, ELSEWHERE),
            To("ecs:StopTask", TASK),
            To("ecs:DeleteCluster", OTHER, IN_CLUSTER),
            To("ecs:CreateService", SERVICE, IN_CLUSTER),
        ],
    ),
    "describe one instance of one cluster": Example(
        [
            statement(
                action=["ecs:DescribeContainerInstances"],
                resource=[INSTANCE],
                Condition={"ArnEquals": {"ecs:cluster": CLUSTER}},
            )
        ],
        [To("ecs:DescribeContainerInstances", INSTANCE, IN_CLUSTER)],
        [
            To("ecs:DescribeContainerInstances", INSTANCE, ELSEWHERE),
            To("ecs:DescribeContainerInstances", f"{INSTANCE}0", IN_CLUSTER),
        ],
    ),
    "any revision of a family, in one cluster": Example(
        [
            statement(
                action="ecs:RunTask",
                resource=f"{ECS}:task-definition/web:*",
                Condition={"ArnEquals": {"ecs:cluster": CLUSTER}},
            )
        ],
        [To("ecs:RunTask", DEFINITION, IN_CLUSTER)],
        [
            To("ecs:RunTask", DEFINITION, ELSEWHERE),
            To("ecs:RunTask", f"{ECS}:task-definition/web", IN_CLUSTER),
            To("ecs:RunTask", f"{ECS}:task-definition/website:3", IN_CLUSTER),
        ],
    ),
    "start on one instance": Example(
        [
            statement(
                action="ecs:StartTask",
                resource=f"{ECS}:task-definition/web:*",
                Condition={"ArnEquals": {"ecs:cluster": CLUSTER, "ecs:container-instances": [INSTANCE]}},
            )
        ],
        [To("ecs:StartTask", DEFINITION, IN_CLUSTER | {"ecs:container-instances": INSTANCE})],
        [
            To("ecs:StartTask", DEFINITION, IN_CLUSTER),
            To("ecs:StartTask", DEFINITION, {"ecs:container-instances": INSTANCE}),
            To("ecs:StartTask", DEFINITION, ELSEWHERE | {"ecs:container-instances": INSTANCE}),
        ],
    ),
    "list tasks of one cluster, describe one task": Example(
        [
            statement(action="ecs:ListTasks", Condition={"ArnEquals": {"ecs:cluster": CLUSTER}}),
            statement(
                action="ecs:DescribeTasks", resource=TASK, Condition={"ArnEquals": {"ecs:cluster": CLUSTER}}
            ),
        ],
        [To("ecs:ListTasks", "*", IN_CLUSTER), To("ecs:DescribeTasks", TASK, IN_CLUSTER)],
        [
            To("ecs:ListTasks", "*", ELSEWHERE),
            To("ecs:ListTasks"),
            To("ecs:DescribeTasks", f"{ECS}:task/default/2", IN_CLUSTER),
        ],
    ),
    "create services, update services": Example(
        [
            statement(
                action=[
                    "application-autoscaling:Describe*",
                    "ecs:List*",
                    "ecs:Describe*",
                    "ecs:UpdateService",
                ]
            )
        ],
        [To("ecs:UpdateService", SERVICE), To("application-autoscaling:DescribeScalingPolicies")],
        [To("ecs:CreateService", SERVICE), To("application-autoscaling:PutScalingPolicy")],
    ),
    "describe services with one's name": Example(
        [
            statement(
                action="ecs:DescribeServices",
                resource="arn:aws:ecs:*:*:service/*",
                Condition={"StringEquals": {"ecs:ResourceTag/Owner": "${aws:username}"}},
            )
        ],
        [To("ecs:DescribeServices", SERVICE, {"ecs:ResourceTag/owner": "ann", "aws:username": "ann"})],
        [
            To("ecs:DescribeServices", SERVICE, {"ecs:ResourceTag/Owner": "bob", "aws:username": "ann"}),
            To("ecs:DescribeServices", SERVICE, {"aws:username": "ann"}),
            To("ecs:DescribeServices", SERVICE, {"ecs:ResourceTag/Owner": "ann"}),
        ],
    ),
    "one namespace for Service Connect": Example(
        [
            statement(
                action=["ecs:CreateService", "ecs:UpdateService"],
                Condition={"ARNEquals": {"ecs:cluster": CLUSTER, "ecs:namespace": NAMESPACE}},
            )
        ],
        [To("ecs:CreateService", SERVICE, IN_CLUSTER | {"ecs:namespace": NAMESPACE})],
        [
            To("ecs:CreateService", SERVICE, IN_CLUSTER | {"ecs:namespace": f"{NAMESPACE}2"}),
            To("ecs:UpdateService", SERVICE, IN_CLUSTER),
        ],
    ),
    "exec into tasks that are tagged": Example(
        [
            statement(
                action=["ecs:ExecuteCommand", "ecs:DescribeTasks"],
                resource=f"{ECS}:task/default/*",
                Condition={"StringEquals": {"ecs:ResourceTag/environment": "development"}},
            )
        ],
        [To("ecs:ExecuteCommand", TASK, {"ecs:ResourceTag/environment": "development"})],
        [
            To("ecs:ExecuteCommand", TASK, {"ecs:ResourceTag/environment": "production"}),
            To("ecs:ExecuteCommand", f"{ECS}:task/other/1", {"ecs:ResourceTag/environment": "development"}),
            To("ecs:ExecuteCommand", CLUSTER, {"ecs:ResourceTag/environment": "development"}),
        ],
    ),
    "no exec into one container": Example(
        [
            statement(
                "Deny",
                "ecs:ExecuteCommand",
                Condition={"StringEquals": {"ecs:container-name": "production-app"}},
            )
        ],
        [To("ecs:ExecuteCommand", TASK, {"ecs:container-name": "sidecar"}), To("ecs:ExecuteCommand", TASK)],
        [To("ecs:ExecuteCommand", TASK, {"ecs:container-name": "production-app"})],
        also=EVERYTHING,
    ),
    "no session beside exec": Example(
        [statement("Deny", "ssm:StartSession", f"arn:aws:ecs:*:{ACCOUNT}:task/default/*")],
        [To("ssm:StartSession", f"{ECS}:task/other/1"), To("ecs:ExecuteCommand", TASK)],
        [To("ssm:StartSession", TASK)],
        also=EVERYTHING,
    ),
    "what exec itself needs, of a task's role": Example(
        [
            statement(action=["ssmmessages:CreateControlChannel", "ssmmessages:OpenDataChannel"]),
            statement(action="logs:DescribeLogGroups"),
            statement(
                action=["logs:CreateLogStream", "logs:PutLogEvents"],
                resource=f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/ecs/exec:*",
            ),
        ],
        [
            To("ssmmessages:OpenDataChannel"),
            To("logs:PutLogEvents", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/ecs/exec:log-stream:s"),
        ],
        [To("logs:PutLogEvents", f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/aws/ecs/execs:log-stream:s")],
    ),
    "no tasks that one can look into": where(
        "StringEquals", "ecs:enable-execute-command", "false", "false", "true", action="ecs:RunTask"
    ),
    "small tasks, where sizes are asked for": Example(
        [
            statement(
                action="ecs:RunTask",
                Condition={
                    "NumericLessThanEqualsIfExists": {"ecs:task-cpu": "1024", "ecs:task-memory": "2048"}
                },
            )
        ],
        [
            To("ecs:RunTask", DEFINITION, {"ecs:task-cpu": "1024", "ecs:task-memory": "512"}),
            To("ecs:RunTask"),
        ],
        [
            To("ecs:RunTask", DEFINITION, {"ecs:task-cpu": "2048", "ecs:task-memory": "512"}),
            To("ecs:RunTask", DEFINITION, {"ecs:task-cpu": "256", "ecs:task-memory": "4096"}),
        ],
    ),
    "known subnets alone": Example(
        [
            statement(
                action=RUNS,
                Condition={
                    "ForAllValues:StringEquals": {"ecs:subnet": ["subnet-1", "subnet-2"]},
                    "Null": {"ecs:subnet": "false"},
                },
            )
        ],
        [To("ecs:RunTask", DEFINITION, {"ecs:subnet": ("subnet-2", "subnet-1")})],
        [
            To("ecs:RunTask", DEFINITION, {"ecs:subnet": ("subnet-1", "subnet-3")}),
            To("ecs:RunTask", DEFINITION, {"ecs:subnet": ()}),
            To("ecs:RunTask", DEFINITION),
        ],
    ),
    "no public addresses": Example(
        [statement("Deny", RUNS, Condition={"Bool": {"ecs:auto-assign-public-ip": "true"}})],
        [
            To("ecs:RunTask", DEFINITION, {"ecs:auto-assign-public-ip": "false"}),
            To("ecs:RunTask", DEFINITION),
        ],
        [To("ecs:RunTask", DEFINITION, {"ecs:auto-assign-public-ip": "true"})],
        also=EVERYTHING,
    ),
    "no privileged containers": Example(
        [statement("Deny", "ecs:RegisterTaskDefinition", Condition={"Bool": {"ecs:privileged": "true"}})],
        [To("ecs:RegisterTaskDefinition", "*", {"ecs:privileged": "false"})],
        [To("ecs:RegisterTaskDefinition", "*", {"ecs:privileged": "true"})],
        also=EVERYTHING,
    ),
    "definitions for Fargate alone": Example(
        [
            statement(
                action="ecs:RegisterTaskDefinition",
                Condition={"ForAnyValue:StringEquals": {"ecs:compute-compatibility": "FARGATE"}},
            )
        ],
        [To("ecs:RegisterTaskDefinition", "*", {"ecs:compute-compatibility": ("EC2", "FARGATE")})],
        [
            To("ecs:RegisterTaskDefinition", "*", {"ecs:compute-compatibility": ("EC2",)}),
            To("ecs:RegisterTaskDefinition"),
        ],
    ),
    "one capacity provider": Example(
        [
            statement(
                action="ecs:CreateService",
                Condition={"ForAllValues:StringEquals": {"ecs:capacity-provider": "FARGATE_SPOT"}},
            )
        ],
        [To("ecs:CreateService", SERVICE, {"ecs:capacity-provider": ("FARGATE_SPOT",)})],
        [To("ecs:CreateService", SERVICE, {"ecs:capacity-provider": ("FARGATE", "FARGATE_SPOT")})],
    ),
    "services of one definition": where(
        "ArnLike",
        "ecs:task-definition",
        f"{ECS}:task-definition/web:*",
        DEFINITION,
        f"{ECS}:task-definition/x:1",
    ),
    "deployments of one service": where("ArnEquals", "ecs:service", SERVICE, SERVICE, f"{SERVICE}2"),
    "commands in one task": where("ArnLike", "ecs:task", f"{ECS}:task/default/*", TASK, f"{ECS}:task/prod/1"),
    "with Service Connect": where("Bool", "ecs:enable-service-connect", "true", "true", "false"),
    "with managed tags": where("StringEquals", "ecs:enable-ecs-managed-tags", "true", "true", "false"),
    "with tags of the service": where("StringEquals", "ecs:propagate-tags", "SERVICE", "SERVICE", "NONE"),
    "without EBS volumes": where("Bool", "ecs:enable-ebs-volumes", "false", "false", "true"),
    "without VPC Lattice": where("Bool", "ecs:enable-vpc-lattice", "false", "false", "true"),
    "without tags in instances' metadata": where(
        "Bool", "ecs:instance-metadata-tags-propagation", "false", "false", "true"
    ),
    "storage with one key": where(
        "ArnEquals", "ecs:fargate-ephemeral-storage-kms-key", KEY, KEY, f"{KEY}2", action="ecs:CreateCluster"
    ),
    "some account settings": where(
        "StringEquals",
        "ecs:account-setting",
        ["containerInsights", "tagResourceAuthorization"],
        "containerInsights",
        "taskLongArnFormat",
        action="ecs:PutAccountSetting",
    ),
    "tags when a cluster is made": Example(
        [
            statement(action=["ecs:CreateCluster", "ecs:RunTask"]),
            statement(
                action="ecs:TagResource", Condition={"StringEquals": {"ecs:CreateAction": "CreateCluster"}}
            ),
        ],
        [
            To("ecs:TagResource", CLUSTER, {"ecs:CreateAction": "CreateCluster"}),
            To("ecs:RunTask", DEFINITION),
        ],
        [To("ecs:TagResource", TASK, {"ecs:CreateAction": "RunTask"}), To("ecs:TagResource", CLUSTER)],
        version="",
    ),
    "run tasks on a schedule": Example(
        [
            statement(action="ecs:RunTask"),
            statement(
                action="iam:PassRole",
                Condition={"StringLike": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
            ),
            statement(
                action="ecs:TagResource", Condition={"StringEquals": {"ecs:CreateAction": ["RunTask"]}}
            ),
        ],
        [
            To("ecs:RunTask", DEFINITION),
            To("iam:PassRole", f"{IAM}:role/x", {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
            To("ecs:TagResource", TASK, {"ecs:CreateAction": "RunTask"}),
        ],
        [
            To("iam:PassRole", f"{IAM}:role/x", {"iam:PassedToService": "ecs.amazonaws.com"}),
            To("ecs:TagResource", SERVICE, {"ecs:CreateAction": "CreateService"}),
        ],
    ),
    "what CodeDeploy may": Example(
        [
            statement(action=["ecs:DescribeServices", "ecs:CreateTaskSet"]),
            statement(
                action="lambda:InvokeFunction", resource="arn:aws:lambda:*:*:function:CodeDeployHook_*"
            ),
            statement(
                action=["s3:GetObject", "s3:GetObjectVersion"],
                Condition={"StringEquals": {"s3:ExistingObjectTag/UseWithCodeDeploy": "true"}},
            ),
            statement(
                action="iam:PassRole",
                resource=[
                    "arn:aws:iam::*:role/ecsTaskExecutionRole",
                    "arn:aws:iam::*:role/ECSTaskExecution*",
                ],
                Condition={"StringLike": {"iam:PassedToService": ["ecs-tasks.amazonaws.com"]}},
            ),
        ],
        [
            To("ecs:CreateTaskSet", f"{ECS}:task-set/default/web/1"),
            To("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:CodeDeployHook_x"),
            To("s3:GetObject", "arn:aws:s3:::b/k", {"s3:ExistingObjectTag/UseWithCodeDeploy": "true"}),
            To(
                "iam:PassRole",
                f"{IAM}:role/ECSTaskExecutionX",
                {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
            ),
        ],
        [
            To("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:x"),
            To("s3:GetObject", "arn:aws:s3:::b/k"),
            To(
                "iam:PassRole",
                f"{IAM}:role/ecsTaskExecutionRole2",
                {"iam:PassedToService": "ecs-tasks.amazonaws.com"},
            ),
        ],
    ),
    "what an execution role may": Example(
        [
            statement(action=["ecr:GetAuthorizationToken", "logs:CreateLogStream", "logs:PutLogEvents"]),
            statement(
                action=["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"],
                Condition={"StringEquals": {"aws:sourceVpce": "vpce-1", "aws:sourceVpc": "vpc-1"}},
            ),
            statement(
                action=["ssm:GetParameters", "secretsmanager:GetSecretValue"],
                resource=[
                    f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/db",
                    f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-u9bH6K",
                ],
            ),
        ],
        [
            To("ecr:GetAuthorizationToken"),
            To("ecr:BatchGetImage", "*", {"aws:SourceVpce": "vpce-1", "aws:SourceVpc": "vpc-1"}),
            To(
                "secretsmanager:GetSecretValue",
                f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-u9bH6K",
            ),
        ],
        [
            To("ecr:BatchGetImage", "*", {"aws:SourceVpce": "vpce-1"}),
            To("ecr:BatchGetImage", "*", {"aws:SourceVpce": "vpce-2", "aws:SourceVpc": "vpc-1"}),
            To(
                "secretsmanager:GetSecretValue",
                f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:db-u9bH6L",
            ),
        ],
    ),
}
