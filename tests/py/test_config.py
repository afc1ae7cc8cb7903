"""Settings from the environment."""

import pytest

from worker.cli_settings import read_settings
from worker.errors import ConfigError

GIVEN = {"ASSAY_SUPABASE_URL": "http://127.0.0.1:54321", "ASSAY_SUPABASE_KEY": "sb_secret_x"}


def test_two_variables_are_enough() -> None:
    """Everything else has a default."""
    settings = read_settings(GIVEN)

    assert settings.supabase_url == "http://127.0.0.1:54321"
    assert settings.concurrency == 32
    assert settings.name


def test_lists_are_split_at_commas() -> None:
    """Blanks around the parts do not matter."""
    settings = read_settings(GIVEN | {"ASSAY_EGRESS_ALLOW": "10.0.0.0/8, *.lan,"})

    assert settings.egress_allow == ("10.0.0.0/8", "*.lan")


def test_a_command_line_option_wins() -> None:
    """An override that is None leaves the variable alone."""
    given = GIVEN | {"ASSAY_CONCURRENCY": "8", "ASSAY_NAME": "one"}

    settings = read_settings(given, concurrency=4, name=None)

    assert (settings.concurrency, settings.name) == (4, "one")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"ASSAY_CONCURENCY": "3"},
            "^ASSAY_CONCURENCY is not a setting of this worker; ASSAY_CONCURRENCY is$",
        ),
        ({"ASSAY_UNHEARD_OF": "3"}, "^ASSAY_UNHEARD_OF is not a setting of this worker$"),
        ({"ASSAY_CONCURRENCY": "many"}, "ASSAY_CONCURRENCY is wrong"),
        ({"ASSAY_CONCURRENCY": "0"}, "ASSAY_CONCURRENCY is wrong"),
        ({"ASSAY_SUPABASE_URL": "ftp://x"}, "ASSAY_SUPABASE_URL is wrong; .* https://<ref>"),
        ({"ASSAY_SUPABASE_URL": "http://"}, "ASSAY_SUPABASE_URL is wrong"),
        ({"ASSAY_SUPABASE_URL": "https://a b"}, "ASSAY_SUPABASE_URL is wrong"),
        ({"ASSAY_SUPABASE_KEY": ""}, "ASSAY_SUPABASE_KEY is wrong: it takes a key, without"),
        ({"ASSAY_SUPABASE_KEY": "two words"}, "ASSAY_SUPABASE_KEY is wrong"),
        ({"ASSAY_SUPABASE_KEY": "schlüssel"}, "ASSAY_SUPABASE_KEY is wrong"),
        ({"ASSAY_LOG_LEVEL": "LOUD"}, "ASSAY_LOG_LEVEL is wrong"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, str], said: str) -> None:
    """One sentence names the variable."""
    with pytest.raises(ConfigError, match=said):
        read_settings(GIVEN | changes)


def test_a_key_may_come_with_a_line_end() -> None:
    """As files hold it."""
    settings = read_settings(GIVEN | {"ASSAY_SUPABASE_KEY": "sb_secret_x\n"})

    assert settings.supabase_key.get_secret_value() == "sb_secret_x"


def test_a_missing_variable_is_named() -> None:
    """The key has no default."""
    with pytest.raises(ConfigError, match="ASSAY_SUPABASE_KEY is not set"):
        read_settings({"ASSAY_SUPABASE_URL": "http://x"})


def test_the_misspelt_name_is_told_before_the_missing_one() -> None:
    """It explains why the other is missing."""
    with pytest.raises(ConfigError, match="ASSAY_SUPABASE_KEI is not a setting"):
        read_settings({"ASSAY_SUPABASE_URL": "http://x", "ASSAY_SUPABASE_KEI": "k"})


def test_variables_of_the_embedded_supabase_are_none_of_ours() -> None:
    """They share the prefix and are let pass."""
    read_settings(GIVEN | {"ASSAY_POSTGRES_BIN": "/usr/bin", "PATH": "/bin"})


def test_the_key_is_not_shown() -> None:
    """Neither in a settings object's text nor in an error about it."""
    assert "sb_secret_x" not in repr(read_settings(GIVEN))
    with pytest.raises(ConfigError) as failure:
        read_settings(GIVEN | {"ASSAY_CONCURRENCY": "sb_secret_x"})
    assert "sb_secret_x" not in str(failure.value)
