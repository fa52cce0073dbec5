"""Every entry of kwb_custom keeps the contract, held to it as a plugin author holds theirs."""

from workbench.check.pytest_helpers import parametrize_checks


@parametrize_checks("kwb_custom")
def test_contract(check):
    check()
