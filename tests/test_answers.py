"""What a report's first screen says of a task: never more than the tests behind it, and never a best module below a baseline unsaid."""

import dataclasses

from evaluator.report import answers, charts
from evaluator.results.caveats import Caveat
from test_board import board_of, hits, of


def said(*results):
    """The sentence on a board of these results."""
    answer = answers.answer(board_of(*results))
    return answer.name + answer.rest


def test_best_is_who_beats_all_others():
    """180 of 200 clips against 120 and 60: significant; 120 against 118 is not, and is not called best."""
    clear = said(*(of(hits(n), module=name) for name, n in (("a", 180), ("b", 120), ("c", 60))))
    assert (
        clear.startswith("a is best: 90.0 % accuracy (95 % interval ")
        and "significantly better than b (60.0 %) and c (30.0 %)." in clear
    )
    close = said(*(of(hits(n), module=name) for name, n in (("a", 120), ("b", 118), ("c", 60))))
    assert close.startswith("a has the highest score, 60.0 % accuracy") and " best" not in close
    assert "not significantly better than b (59.0 %); it is significantly better than 1 other." in close


def test_a_baseline_above_the_best_is_said_at_once():
    """The best of the modules lies below chance: the sentence does not call it best without saying so, and names the baseline."""
    chance = of(hits(190), module="hear_ssl.chance")
    above = said(of(hits(180), module="a"), of(hits(60), module="b"), chance)
    assert above.startswith("a is best but for a baseline: 90.0 %")
    assert above.endswith("The baseline hear_ssl.chance (95.0 %) scores higher.")
    tied = said(of(hits(119), module="a"), of(hits(118), module="hear_ssl.chance"))
    assert tied.endswith("It is not significantly better than the baseline hear_ssl.chance (59.0 %).")
    below = said(of(hits(180), module="a"), of(hits(20), module="hear_ssl.chance"))
    assert "baseline" not in below


def test_too_few_groups_are_told():
    """Three animals cannot rank two modules, however far these are apart; then nothing is said of significance."""
    animals = [f"animal {n % 3}" for n in range(120)]
    few = said(of(hits(110, 120), animals, module="a"), of(hits(10, 120), animals, module="b"))
    assert "but 3 test groups are too few to rank 2 modules" in few and "significant" not in few


def test_the_chart_says_too_few_where_nothing_could_tell():
    """ "Not significant" is left for what a test could have told: three animals could not, 120 clips could."""
    animals = [f"animal {n % 3}" for n in range(120)]
    for groups, word in ((animals, "too few"), (None, "n.s.")):
        board = board_of(of(hits(60, 120), groups, module="a"), of(hits(58, 120), groups, module="b"))
        numbers = {entry.header.variant: n for n, entry in enumerate(board.entries)}
        chart = charts.board_chart(board, numbers)
        assert [row.note for row in chart.rows] == ["", word] and f" {word} " in chart.caption
        assert ("n.s." in chart.caption) == (word == "n.s.")


def test_where_the_lowest_is_best_no_score_is_called_highest():
    """An error rate is best where it is lowest, also a baseline's."""
    board = board_of(of(hits(120), module="a"), of(hits(118), module="b"), of(hits(60), module="hear_ssl.chance"))
    turned = dataclasses.replace(board, metric="segment_1s_er", entries=[board.entries[n] for n in (2, 0, 1)])
    turned = dataclasses.replace(turned, significantly_better=[[False] * 3] * 3)
    told = answers.answer(turned)
    assert "has the lowest score, which is best" in told.rest and "scores lower, which is better" in told.rest


def test_who_heard_the_data_is_not_called_best():
    """The highest score bears a caveat that falsifies it: another module is best, and the first is named as not ranked."""
    heard = dataclasses.replace(
        of(hits(190), module="a"), caveats=[Caveat("pretrained_on_this_data", "it heard these clips")]
    )
    told = said(heard, of(hits(150), module="b"), of(hits(60), module="c"))
    assert told.startswith("b is best: 75.0 %") and told.endswith("Not ranked, for its caveats: a (95.0 %†).")
