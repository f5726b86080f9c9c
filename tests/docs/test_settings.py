"""Every setting is documented, and `.env.example` is what the settings classes say."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic_settings import BaseSettings

from kiki.kit.settings import variables
from kiki.runtime.composition import COMPONENTS
from kiki.runtime.documentation import documented, env_example, settings_classes

ROOT = Path(__file__).resolve().parents[2]

TITLES = ("Installation", *COMPONENTS)
SPECIFIED = (
    "DATABASE_URL",
    "KIKI_INTERNAL_API_KEY",
    "SYNCVALUE_GRPC_URL",
    "SYNCFLOW_GRPC_URL",
    "SYNCLEDGER_GRPC_URL",
    "SYNCCREATE_GRPC_URL",
    "SYNCENGAGE_GRPC_URL",
    "SYNCSHIELD_GRPC_URL",
    "SHOPIFY_API_SECRET",
    "SYNCPORTAL_PUBLIC_URL",
    "SYNCPORTAL_DASHBOARD_URL",
)


@pytest.mark.parametrize("title", TITLES)
def test_every_setting_has_a_description(title: str) -> None:
    bare = [
        variable.name for variable in variables(settings_classes()[title]) if not variable.description.endswith(".")
    ]
    assert bare == [], "a description is a sentence"


@pytest.mark.parametrize("title", TITLES)
def test_no_settings_class_shows_what_it_was_given(title: str) -> None:
    kind: type[BaseSettings] = settings_classes()[title]
    assert kind.model_config.get("hide_input_in_errors") is True
    assert kind.model_config.get("frozen") is True


def test_no_secret_has_a_default() -> None:
    assert [variable.name for _, variable in documented() if variable.secret and variable.default] == []


@pytest.mark.parametrize("name", SPECIFIED)
def test_the_settings_of_the_specification_exist(name: str) -> None:
    assert name in {variable.name for _, variable in documented()}


def test_the_example_is_up_to_date() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "run `make generate`"
