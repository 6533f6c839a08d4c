"""Six speakers of the Free Spoken Digit Dataset, each left out once: the interval and the comparison are those of six."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import evaluator as ev

DATA = Path(__file__).parents[2] / "shared" / "data" / "fsdd"
TASK = """
name: speakers
dataset:
  root: {root}
  reader: {{kind: paths, files: "recordings/*.wav", pattern: "recordings/(?P<label>[0-9])_(?P<group>[a-z]+)_[0-9]+[.]wav"}}
split: {{by: group, valid: next}}
clip_seconds: 2.5
labels: single
metric: accuracy
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason="needs the real audio in ../shared/data"),
]


def test_speakers_are_the_units(tmp_path):
    """t interval of their scores on the logit scale and paired t test of their differences, folds' correction in both."""
    task = tmp_path / "speakers.yaml"
    task.write_text(TASK.format(root=DATA))
    results = ev.run(
        ["hear_ssl.melspec", "untrained:hear_ssl.byol_a_mini"], task, protocol="logistic", cache=tmp_path / "cache"
    )
    shared = np.sqrt(1 + 0.5 * 6 / 5)
    for result in results:
        assert (result.interval_over, result.n_units, len(result.group_scores)) == ("groups", 6, 6)
        scores = np.array(list(result.group_scores.values()))
        value = scores.mean()
        reach = stats.t.ppf(0.975, 5) * shared * scores.std(ddof=1) / np.sqrt(6) / (value * (1 - value))
        ends = [1 / (1 + np.exp(-(np.log(value / (1 - value)) + sign * reach))) for sign in (-1, 1)]
        assert (result.ci_low, result.ci_high) == pytest.approx(tuple(ends), abs=1e-6)
        assert any("over 6 groups" in note and "new groups" in note for note in result.notes)
    (said,) = ev.compare(results)
    apart = np.array(list(said.by_group.values()))
    wanted = 2 * stats.t.sf(abs(stats.ttest_1samp(apart, 0).statistic) / shared, 5)
    assert said.p == pytest.approx(max(wanted, 2**-5)) and said.mcnemar is None
    assert ("may well be chance" in said.sentence) == (said.p >= 0.05)
