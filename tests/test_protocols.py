"""covidlib.limits: settings that no training can follow are refused by name, the three protocols are not."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from covidlib.cli.main import main
from covidlib.errors import InputError
from covidlib.protocols import PROTOCOLS, QUICK, Augmentation, check_trainable, with_settings


def test_the_protocols_can_be_trained() -> None:
    for protocol in PROTOCOLS.values():
        check_trainable(protocol)
    check_trainable(dataclasses.replace(QUICK, augmentation=Augmentation(0, 0, 0, 0, False)))
    check_trainable(with_settings(QUICK, ["epochs=1", "batch_size=1", "folds=2", "seed=0", "image_side=256"]))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs=0", "1 or more"),
        ("batch_size=0", "1 or more"),
        ("folds=1", "2 or more"),
        ("image_side=100", "128, 256, 512"),
        ("image_side=64", "128, 256, 512"),
        ("image_side=1024", "128, 256, 512"),
        ("learning_rate=0", "above 0"),
        ("learning_rate=nan", "above 0"),
        ("learning_rate=inf", "above 0"),
        ("seed=-1", "Give 0 to"),
        ("seed=4294967295", "Give 0 to"),
        ("folds_from=published", "test-subset"),
        ("name=", "letters"),
        ("name=../elsewhere", "letters"),
        ("augmentation.zoom_fraction=1", "below 1"),
        ("augmentation.shift_fraction=-0.1", "from 0"),
        ("augmentation.shear_degrees=90", "below 90"),
        ("augmentation.rotation_degrees=nan", "from 0"),
    ],
)
def test_a_slip_is_named(setting: str, message: str) -> None:
    with pytest.raises(InputError, match=f"^{setting.partition('=')[0]}=.*cannot be trained.*{message}"):
        check_trainable(with_settings(QUICK, [setting]))


@pytest.mark.parametrize("command", ["train", "runs"])
def test_the_command_line_refuses_before_it_reads(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [command, "--set", "epochs=0", "--data", str(Path("does") / "not" / "exist")]
    assert main(arguments + (["--all"] if command == "train" else [])) == 2
    assert capsys.readouterr().err == "covidlib: epochs=0: cannot be trained. Give 1 or more.\n"
