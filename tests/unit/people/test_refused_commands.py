"""Commands whose files were copied in part, or whose options are odd, end in one sentence."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from human import Opened
from labels import CONFIG, labelled_study

from facegap import cli
from facegap.errors import ConfigError, DataError
from facegap.people.comparing.sheet import read_sheet
from facegap.people.engine import open_answers
from facegap.people.labelling.commands import album_of
from facegap.people.web.serve import listen_at
from facegap.settings.load import read_study

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("images.zip", None), ("images.zip", b"PK\3\4 cut short")),
        *(("sheet.json", None), ("sheet.json", b"[]"), ("sheet.json", b'{"pairs": 5}')),
        *(("pairs.parquet", None), ("persons.parquet", b"PAR1")),
    ],
)
def test_a_study_that_was_copied_in_part_names_the_file(
    study: Opened, name: str, content: bytes | None
) -> None:
    folder = study.config.parent / "results/human/judge"
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        read_sheet(folder)


@ON_SQLITE
def test_a_study_whose_images_are_another_studys_is_refused(study: Opened) -> None:
    folder = study.config.parent / "results/human/judge"
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.writestr("another.png", b"")
    with pytest.raises(DataError, match=r"images\.zip: \d+ of the images"):
        read_sheet(folder)


@pytest.mark.parametrize("left", [(0, 2), (1, 2), (0, 1)], ids=str)
def test_faces_are_shown_of_all_shards_or_none(tmp_path: Path, left: tuple[int, ...]) -> None:
    """With one shard of several missing, each later face would be shown another's picture."""
    config = labelled_study(tmp_path)
    whole = tmp_path / "results/labels/align/target/none/shard-0.npy"
    crops = np.load(whole)
    whole.unlink()
    for part in left:
        np.save(whole.with_name(f"shard-{part}.npy"), crops[40 * part : 40 * part + 40])
    given = {**CONFIG, "results": str(tmp_path / "results"), "data_root": str(tmp_path)}
    config.write_text(yaml.safe_dump(given))
    (whole.parent / "shard-copy.npy").write_bytes(b"somebody's own")
    with pytest.raises(DataError, match="the shards have"):
        album_of(read_study(config))


def test_an_export_is_not_taken_for_a_closed_round(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = labelled_study(tmp_path)
    given = {**CONFIG, "results": str(tmp_path / "results"), "data_root": str(tmp_path)}
    config.write_text(yaml.safe_dump(given))
    place = str(tmp_path / "annotations/labels")
    assert cli.main(["annotate", "export", "--config", str(config), "--to", place]) == 2
    assert "only closing a round writes there" in capsys.readouterr().err
    assert not Path(place).exists()


@pytest.mark.parametrize("address", [":memory:", "sqlite://", "sqlite:///:memory:"])
def test_answers_in_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="would end with the server"):
        open_answers(address)
    assert list(tmp_path.iterdir()) == []


@ON_SQLITE
def test_a_name_that_is_too_long_is_no_database(
    study: Opened, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--config", str(study.config), "--database", "x" * 300]
    assert cli.main(["judge", "status", *given]) == 2
    assert "no name of a database: File name too long" in capsys.readouterr().err


@ON_SQLITE
@pytest.mark.parametrize(
    "given",
    [
        *("judge status --config {long}", "judge export --config {config} --to {long}"),
        *("judge serve --config {config} --consent {long}", "compare {long}"),
    ],
)
def test_a_path_that_is_too_long_ends_a_command_in_a_sentence(
    study: Opened, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = given.format(config=study.config, long="x" * 300).split()
    assert cli.main(arguments) == 2
    printed = capsys.readouterr().err
    assert "File name too long" in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("host", ["exämple..x", "a..b", "x" * 300])
def test_a_host_that_is_none_is_said_to_be(host: str) -> None:
    with pytest.raises(ConfigError, match="cannot listen on"):
        listen_at(host, 0)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--share", "2"), ("--share", "nan"), ("--share", "0"), ("--participants", "0")),
        *(("--pairs", "0"), ("--persons", "-1"), ("--values", "0")),
    ],
)
def test_a_design_that_cannot_be_has_no_power(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["judge", "power", f"{option}={value}"])
    assert f"{value} is no " in capsys.readouterr().err
