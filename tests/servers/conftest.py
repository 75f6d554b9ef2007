"""Fixtures of the tests of servers."""
from places import azure, place, s3  # noqa: F401
