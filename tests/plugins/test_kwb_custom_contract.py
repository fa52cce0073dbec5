"""Every entry of kwb_custom passes the contract's checks, run as a plugin author runs them."""

from workbench.check.pytest_helpers import parametrize_checks


@parametrize_checks("kwb_custom")
def test_contract(check):
    check()
