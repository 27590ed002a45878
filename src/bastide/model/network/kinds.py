"""The kinds of a network's records, in AWS's words.

Each document is what EC2's Describe call shows of the noun, under EC2's member names, with times as epoch
seconds; members that begin with an underscore are shown to nobody. A record's key is the noun's id.

| kind | parent | name | what the document is |
| --- | --- | --- | --- |
| vpc | | id | Vpc; `_attributes` holds EnableDnsSupport and the like |
| subnet | vpc | id | Subnet without AvailableIpAddressCount |
| route-table | vpc | id | RouteTable with Routes and Associations, the main one included; a route's State is
  worked out when it is looked at: `blackhole` where its target is gone |
| internet-gateway | vpc, or nothing | id | InternetGateway |
| nat-gateway | subnet | id | NatGateway |
| address | interface, or nothing | public address | Address |
| network-interface | subnet | private address | NetworkInterface; `_task` is the ARN of the task it is for,
  `_endpoint` the id of the VPC endpoint |
| security-group | vpc | id | SecurityGroup without its permissions: the rules are records of their own |
| security-group-rule | group | what it allows | SecurityGroupRule |
| network-acl | vpc | id | NetworkAcl with Entries and Associations |
| vpc-endpoint | vpc | id | VpcEndpoint |
| dhcp-options | | id | DhcpOptions |
| prefix-list | | id | ManagedPrefixList; `_entries` holds what it lists |
| flow-log | what it watches | id | FlowLog |
| public-address | interface or address | address | nothing: an address of the pool that is taken |
"""

VPC = "vpc"
SUBNET = "subnet"
ROUTE_TABLE = "route-table"
INTERNET_GATEWAY = "internet-gateway"
NAT_GATEWAY = "nat-gateway"
ADDRESS = "address"
NETWORK_INTERFACE = "network-interface"
SECURITY_GROUP = "security-group"
SECURITY_GROUP_RULE = "security-group-rule"
NETWORK_ACL = "network-acl"
VPC_ENDPOINT = "vpc-endpoint"
DHCP_OPTIONS = "dhcp-options"
PREFIX_LIST = "prefix-list"
FLOW_LOG = "flow-log"
PUBLIC_ADDRESS = "public-address"  # no noun of AWS's: what the pool has given away

ATTRIBUTES_MEMBER = "_attributes"  # of a VPC: what DescribeVpcAttribute shows
TASK_MEMBER = "_task"  # of an interface: the ARN of the task it is for
ENDPOINT_MEMBER = "_endpoint"  # of an interface: the id of the VPC endpoint it is for
ENTRIES_MEMBER = "_entries"  # of a prefix list: what it lists
REST_NUMBER = 32767  # of an ACL's last entry, shown as `*`: what no other decides is denied
EVERYWHERE = "0.0.0.0/0"
