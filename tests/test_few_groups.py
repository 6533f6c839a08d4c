"""Own recordings of few animals, from the table to the result: no interval with three, no verdict with five."""

import json

import numpy as np
import pytest
import soundfile

import evaluator as ev
from evaluator.results import on_disk

pytestmark = pytest.mark.slow  # it runs modules


def animals(folder, n_animals):
    """A table of 8 sounds of each animal, of two classes."""
    random = np.random.default_rng(n_animals)
    folder.mkdir()
    lines = ["path,label,group"]
    for animal in range(n_animals):
        for clip in range(8):
            name = f"{animal}_{clip}.wav"
            pitch = 400 if clip % 2 else 900
            sound = 0.2 * np.sin(2 * np.pi * pitch * np.arange(8000) / 16000) + 0.2 * random.normal(size=8000)
            soundfile.write(folder / name, np.clip(sound, -1, 1), 16000)
            lines.append(f"{name},{('low', 'high')[pitch > 600]},bat{animal}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    return folder / "clips.csv"


@pytest.mark.parametrize(("n_animals", "has_interval"), [(3, False), (5, True)])
def test_few_animals_are_told(n_animals, has_interval, tmp_path):
    """In the result, its file, its notes and the comparison; the score of each animal is there."""
    table = animals(tmp_path / "bats", n_animals)
    results = ev.run(
        ["hear_ssl.melspec", "hear_ssl.duration_loudness"],
        table,
        protocol="knn",
        cache=tmp_path / "cache",
        out=tmp_path / "out",
    )
    for result in results:
        assert (result.interval_over, result.n_units) == ("groups", n_animals)
        assert list(result.group_scores) == [f"bat{n}" for n in range(n_animals)]
        assert np.isfinite([result.ci_low, result.ci_high]).all() == has_interval
        assert any("the interval is over" in note for note in result.notes) == has_interval
        (few,) = [caveat.text for caveat in result.caveats if caveat.kind == "few_groups"]
        assert ("bat1 " in few) != has_interval
        assert f"{result.metric}_mean_of_folds" in result.scores and result.over_folds == "pooled"
    for path in on_disk.paths_in(tmp_path / "out"):
        plain = json.loads(path.read_text(), parse_constant=pytest.fail)
        assert (plain["ci_low"] is None) != has_interval
    (said,) = ev.compare(ev.load_results(tmp_path / "out"))
    assert np.isnan(said.p) and len(said.by_group) == n_animals
    assert f"{n_animals} groups cannot tell whether that is chance" in said.sentence
