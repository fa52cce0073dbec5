"""A third-party plugin is checked against the contract like our own."""

from __future__ import annotations

import json

import pytest


@pytest.mark.slow
def test_acmes_entries_keep_the_contract(kwb, installed):
    done = kwb("check", "acme", "--json", path=[installed("acme-layers")], timeout=300.0)
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(done.stdout)
    assert {result["entry"] for result in record["results"]} == {
        f"acme.{name}" for name in ("Gate", "Halve", "Mix", "GatedRegressor", "TwoSided", "ramps", "gated")
    }
    assert {result["status"] for result in record["results"]} == {"passed", "not_applicable"}
