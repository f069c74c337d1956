from pathlib import Path

import numpy as np
import pytest

from serving.embedded.config_file import ConfigFile, ModelConfig, read_config
from serving.embedded.errors import ConfigError
from tests.serving.embedded.caller import RunningServer, eventually, write_config
from tests.serving.embedded.test_swap import drop_in

pytestmark = pytest.mark.tensorflow

X = {"x": np.ones((1, 2), np.float32)}
FOLDERS = {1: Path("/m/1"), 2: Path("/m/2"), 10: Path("/m/00010")}


def read(folder, text):
    path = folder / "models.config"
    path.write_text(text)
    return read_config(path)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("", {10}),
        ("latest {}", {10}),
        ("latest { num_versions: 2 }", {2, 10}),
        ("all {}", {1, 2, 10}),
        ("specific { versions: 1 versions: 10 versions: 11 }", {1, 10}),
    ],
)
def test_a_policy_says_which_versions_are_served(tmp_path, policy, expected):
    text = (
        f'model_config_list {{ config {{ name: "m" base_path: "/m" model_version_policy {{ {policy} }} }} }}'
    )

    config = read(tmp_path, text)["m"]

    assert config.base_path == Path("/m")
    assert config.aspired(FOLDERS).keys() == expected


def test_comments_and_fields_that_do_not_matter_here_are_allowed(tmp_path):
    text = '# ours\nmodel_config_list { config { name: "m" base_path: "/m" model_platform: "tensorflow" } }'

    assert read(tmp_path, text) == {"m": ModelConfig(base_path=Path("/m"))}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model_config_list {", "cannot read"),
        ("models: 1", 'no field named "models"'),
        ('model_config_list { config { name: "m" } }', "without a name or a base_path"),
        (
            'model_config_list { config { name: "m" base_path: "/m" } config { name: "m" base_path: "/n" } }',
            "model m is there twice",
        ),
    ],
)
def test_a_wrong_configuration_is_refused(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, text)


def test_without_an_interval_the_file_is_read_once(tmp_path):
    config = write_config(tmp_path / "config", "/m/toy")
    file = ConfigFile(config)
    config.unlink()

    assert file.models().keys() == {"toy"}


def test_models_and_labels_follow_the_file_while_the_server_runs(tmp_path, toy_folder, threefold_toy_folder):
    for name, folder in {"toy": toy_folder, "other": threefold_toy_folder}.items():
        drop_in(folder, tmp_path / name / "1")
        drop_in(folder, tmp_path / name / "2")
    config = write_config(tmp_path / "config", tmp_path / "toy", policy="specific { versions: 1 }")

    with RunningServer(config, poll_seconds=0.1, config_poll_seconds=0.1) as caller:
        assert caller.states("toy") == {1: "AVAILABLE"}
        label = 'version_labels { key: "stable" value: 1 }'
        write_config(config, tmp_path / "toy", tmp_path / "other", policy="all {}", labels=label)
        assert eventually(lambda: caller.predicts("other", X, label="stable"))

        answer = caller.predict("other", X, label="stable")
        assert (answer.model_spec.version.value, answer.model_spec.version_label) == (1, "")
        assert list(answer.outputs["y"].float_val) == [6.0]
        assert caller.states("toy") == {2: "AVAILABLE", 1: "AVAILABLE"}

        write_config(config, tmp_path / "other", policy="latest {}")
        assert eventually(lambda: caller.states("other") == {2: "AVAILABLE", 1: "END"})
        assert eventually(lambda: caller.states("toy") == {2: "END", 1: "END"})
