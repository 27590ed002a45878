"""What is answered to tasks: sockets inside a VPC, so many seats for each caller, HTTP."""
