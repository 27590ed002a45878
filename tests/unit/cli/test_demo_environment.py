"""The demo talks to this installation, whatever else the user's shell is set up for."""

from bastide.cli.demo import clean_environment


def test_other_endpoints_and_ways_to_them_are_left_out() -> None:
    environ = {"PATH": "/bin", "AWS_PROFILE": "work", "https_proxy": "http://p", "HTTP_PROXY": "http://p"}
    assert clean_environment(environ) == {
        "PATH": "/bin",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
