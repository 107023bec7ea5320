"""Tests of the backends. The conformance suite is no test module by name, and wants its asserts explained too."""

import pytest

pytest.register_assert_rewrite("tests.workers.backends.conformance")
