"""Pre-training: the augmentations' distributions, the loss by hand, what is drawn, and that a killed run goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import soundfile
import torch
from sklearn.linear_model import LogisticRegression

from hear_ssl import byol_a
from hear_ssl.pretraining import augment, byol, cli, corpus, probe, state, training
from hear_ssl.pretraining.machine import Machine
from hear_ssl.pretraining.recipe import RECIPES, UNIT, recipe

pytestmark = pytest.mark.slow  # the whole file: it runs modules, suites or processes


def seeded(seed=0):
    """A generator."""
    return torch.Generator().manual_seed(seed)


def spectrograms(n, seed=0):
    """Normalised spectrograms of the usual size, (n, 64, 96)."""
    return torch.randn(n, 64, 96, generator=seeded(seed))


def test_recipes_are_the_published_ones():
    """The numbers in which the two versions differ."""
    one, two = RECIPES[1], RECIPES[2]
    assert (one.learning_rate, one.mixup, one.fader, one.norm_epochs, one.pad) == (3e-4, 0.4, 0, 10, "both")
    assert (two.learning_rate, two.mixup, two.fader, two.norm_epochs, two.pad) == (1e-4, 0.2, 1, 0, "end")
    assert 1 + UNIT // 160 == 96


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 0}, "epochs=0: a number from 1 is wanted"),
        ({"batch": 1}, "batch=1: a number from 2 is wanted"),
        ({"learning_rate": 0.0}, "learning_rate=0.0: a number above 0 is wanted"),
        ({"mixup": 1.5}, "mixup=1.5: a share from 0 to 1 is wanted"),
        ({"mixup": float("nan")}, "mixup=nan: a finite number is wanted"),
    ],
)
def test_numbers_that_cannot_be_are_refused(changes, sentence):
    """The number and what is wanted; None leaves the published one."""
    with pytest.raises(ValueError, match=sentence):
        recipe(1, **changes)
    assert recipe(1, **dict.fromkeys(changes)) == RECIPES[1]


def test_mixup_adds_outside_the_logarithm():
    """log((1 - a) exp(x) + a exp(z)), a evenly spread from 0 to 0.4, z from the memory."""
    x, memory = torch.zeros(20000, 1, 2), augment.Memory(3, 1, 2, torch.device("cpu"))
    assert augment.mixup(x, memory, 0.4, seeded()) is x  # nothing to mix with yet
    memory.push(torch.tensor([5.0, 1.0, 2.0, 3.0])[:, None, None].expand(4, 1, 2))  # the 5 is too old
    mixed = augment.mixup(x, memory, 0.4, seeded())[:, 0, 0]
    # exp(mixed) = 1 + a (exp(z) - 1), so the highest value of each z gives it away
    shares = torch.stack([(mixed.exp() - 1) / (np.exp(z) - 1) for z in (1, 2, 3)])
    assert mixed.min() >= 0 and shares[2].max() <= 0.4 + 1e-6
    assert abs(shares[0].gt(0.4 + 1e-6).float().mean() - (1 - (1 + 1.718 / 6.389 + 1.718 / 19.086) / 3)) < 0.01
    mean = 1 + 0.2 * (np.exp([1, 2, 3]).mean() - 1)
    assert abs(mixed.exp().mean() - mean) < 0.05


def test_memory_keeps_the_last_ones():
    """First in, first out, also when a batch wraps around or is larger than the memory."""
    memory = augment.Memory(5, 1, 1, torch.device("cpu"))
    for batch in ([1, 2, 3], [4, 5, 6], [7], list(range(10, 17))):
        memory.push(torch.tensor(batch, dtype=torch.float32)[:, None, None])
        if batch == [7]:
            assert sorted(memory.windows.flatten().tolist()) == [3, 4, 5, 6, 7]
    assert sorted(memory.windows.flatten().tolist()) == [12, 13, 14, 15, 16]
    assert set(memory.draw(200, seeded()).flatten().tolist()) == {12, 13, 14, 15, 16}


@pytest.mark.parametrize(
    ("start", "length", "n", "canvas"), [(0, 17, 12, 17), (2, 7, 12, 18), (9, 9, 12, 18), (5, 1, 8, 12)]
)
def test_stretching_equals_torchs_bicubic(start, length, n, canvas):
    """A crop of the canvas, resized with aligned corners, as torch.nn.functional.interpolate does it."""
    window = torch.randn(n, n, generator=seeded())
    before = (canvas - n) // 2
    wide = torch.zeros(n, canvas)
    wide[:, before : before + n] = window
    wanted = torch.nn.functional.interpolate(
        wide[None, None, :, start : start + length], size=(n, n), mode="bicubic", align_corners=True
    )
    matrix = augment.stretching(torch.tensor([start]), torch.tensor([length]), n, before)[0]
    torch.testing.assert_close(window @ matrix.T, wanted[0, 0], rtol=1e-4, atol=1e-5)


def test_crops_are_spread_as_published():
    """Heights 0.6 to 1 (1.5 is cut to the canvas), widths 0.6 to 1.5, places anywhere on a canvas of 64 x 144."""
    # A ramp in time and frequency tells where a crop began and how long it was.
    x = (1000.0 * torch.arange(1, 65)[:, None] + torch.arange(1, 97)).expand(4000, 64, 96)
    out = augment.resize_crop(x, (0.6, 1.5), (1.0, 1.5), seeded())
    middle = out[:, :, 48]
    heights = ((middle[:, -1] - middle[:, 0]) / 1000 + 1).round()
    inside = (out[:, 0] > 0).all(1) & (out[:, -1] > 0).all(1)  # crops that lie wholly in the window's time
    assert heights[inside].min() == 38 and heights[inside].max() == 64
    # Factors above 1, 5/9 of them, give the full height; such a crop begins at the first band.
    drawn = torch.stack([augment.uniform(1, 0.6, 1.5, seeded(i)) for i in range(2000)])
    assert abs(drawn.mean() - 1.05) < 0.02 and drawn.min() >= 0.6 and drawn.max() < 1.5
    assert abs((heights[inside] == 64).float().mean() - 5 / 9) < 0.05
    empty = (out == 0).float().mean(dim=(1, 2))  # the part of a crop that lies on the empty canvas
    assert empty.max() < 0.45 and (empty > 0).float().mean() > 0.5


def test_fader_is_a_straight_slope():
    """Both ends evenly spread over the gain, straight between them, the same for all bands; gain 0 is nothing."""
    out = augment.linear_fader(torch.zeros(5000, 2, 9), 1.0, seeded())
    assert torch.equal(out[:, 0], out[:, 1])
    torch.testing.assert_close(out.diff(n=2), torch.zeros(5000, 2, 7), atol=1e-5, rtol=0)
    ends = out[:, 0, [0, -1]]
    assert ends.abs().max() <= 1 and ends.mean().abs() < 0.02 and (ends.std(0) - 3**-0.5).abs().max() < 0.02
    assert abs(torch.corrcoef(ends.T)[0, 1]) < 0.05
    x = spectrograms(2)
    assert augment.linear_fader(x, 0.0, seeded()) is x


def test_statistics_are_numpys():
    """Batches of different sizes; mean and deviation of every number in them."""
    parts = [5 + 3 * torch.randn(n, 4, 5, generator=seeded(n)) for n in (2, 7, 1)]
    statistics = augment.Statistics()
    for part in parts:
        statistics.add(statistics.of(part))
    values = torch.cat(parts).numpy()
    np.testing.assert_allclose(statistics.mean_std(), (values.mean(), values.std(ddof=1)), rtol=1e-5)
    normal = augment.normalise_batch(torch.cat(parts))
    assert abs(normal.mean()) < 1e-5 and abs(normal.std() - 1) < 1e-5


def test_loss_by_hand():
    """2 - 2 cos of each prediction and the other view's target, summed; 0 at best, 8 at worst."""
    a, b = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    assert byol.loss([a, b], [b, a]).item() == pytest.approx(0)
    assert byol.loss([a, b], [-b, -a]).item() == pytest.approx(8)
    assert byol.loss([a, a], [b, a + b]).item() == pytest.approx((2 - 2 * 3 / 13**0.5) + 2, rel=1e-5)


def test_the_target_follows_and_learns_nothing_itself():
    """decay * old + (1 - decay) * new; its weights have no gradients."""
    online = byol.Online(recipe(1, width=4))
    target = byol.frozen_copy(online.branch)
    old = target.network.fc[0].weight.clone()
    with torch.no_grad():
        online.branch.network.fc[0].weight.add_(1)
    byol.update_target(target, online.branch, 0.99)
    torch.testing.assert_close(target.network.fc[0].weight, old + 0.01)
    assert not any(p.requires_grad for p in target.parameters())


def test_std_and_rank_show_collapse():
    """All the same: 0 and 0. On a line: rank 1. In all directions: std near 1, rank near the width."""
    same, noise = torch.ones(500, 20), torch.randn(500, 20, generator=seeded())
    assert byol.std_and_rank(same) == (pytest.approx(0, abs=1e-6), 0)
    assert byol.std_and_rank(torch.arange(500.0)[:, None] * torch.ones(20))[1] == pytest.approx(1, abs=1e-3)
    std, rank = byol.std_and_rank(noise)
    assert std == pytest.approx(1, abs=0.02) and 19 < rank <= 20


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """12 files: noises and tones of different rates and lengths, one of them broken, one no audio."""
    folder = tmp_path_factory.mktemp("sounds")
    for number in range(12):
        rng, rate = np.random.default_rng(number), (16000, 8000, 44100)[number % 3]
        audio = 0.1 * rng.normal(size=int(rate * (0.3 + 0.3 * number)))
        audio += 0.3 * np.sin(2 * np.pi * (200 + 150 * number) * np.arange(len(audio)) / rate)
        soundfile.write(folder / f"{number:02d}.{('wav', 'flac', 'ogg')[number % 3]}", audio, rate)
    (folder / "deep").mkdir()
    (folder / "deep" / "broken.wav").write_bytes(b"RIFF no audio")
    (folder / "notes.txt").write_text("no audio either")
    return folder


def test_broken_files_are_counted_and_left_out(sounds, caplog):
    """What cannot be opened is named; long files give a window for each piece; other files are ignored."""
    audio = corpus.find([sounds], piece_seconds=1.0)
    assert [path.name for path in audio.broken] == ["broken.wav"] and "broken.wav: left out" in caplog.text
    parts = Counter(item.path.name for item in audio.items)
    assert len(parts) == 12 and parts["00.wav"] == 1 and parts["11.ogg"] == 4
    assert audio.seconds == pytest.approx(sum(0.3 + 0.3 * n for n in range(12)), abs=0.01)
    with pytest.raises(FileNotFoundError, match="no/such"):
        corpus.find([sounds / "no/such"], 1.0)
    with pytest.raises(ValueError, match=r"no audio that can be read \(1 broken files\)"):
        corpus.find([sounds / "deep"], 1.0)


def test_a_file_counts_once_however_it_is_reached(sounds, tmp_path):
    """By its folder, the folder above, by itself and through a link: once, in the place that was given first."""
    (tmp_path / "linked").symlink_to(sounds, target_is_directory=True)
    alone, many = (
        corpus.find(places, 1.0)
        for places in ([sounds], [sounds, sounds, sounds / "00.wav", sounds / "deep" / "..", tmp_path / "linked"])
    )
    assert many.items == alone.items and many.files == alone.files and many.seconds == alone.seconds
    assert many.notes[0].endswith("00.wav and 39 more") and len(many.notes) == 2 and len(alone.notes) == 1


def test_files_of_other_kinds_are_told(tmp_path):
    """A folder of nothing but .m4a says so, and what would be read; beside audio it is a note."""
    for name in ("a.m4a", "b.M4A", "list", ".hidden"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=r"\.m4a \(2\), no suffix \(1\); read are .*\.flac, .*\.wav"):
        corpus.find([tmp_path], 1.0)
    soundfile.write(tmp_path / "c.wav", np.zeros(800), 16000)
    assert corpus.find([tmp_path], 1.0).notes[0].startswith("files passed over, by suffix: .m4a (2)")


def test_the_fingerprint_tells_files_and_not_their_folder(sounds, tmp_path):
    """The same for a copy elsewhere; another for a file more, one less, or one of another length."""
    shutil.copytree(sounds, tmp_path / "copy")
    copy, seen = tmp_path / "copy", [corpus.find([sounds], 1.0).fingerprint()]
    assert corpus.find([copy], 1.0).fingerprint() == seen[0]
    soundfile.write(copy / "00.wav", np.zeros(4801), 16000)
    seen.append(corpus.find([copy], 1.0).fingerprint())
    (copy / "00.wav").rename(copy / "zero.wav")
    seen.append(corpus.find([copy], 1.0).fingerprint())
    (copy / "zero.wav").unlink()
    seen.append(corpus.find([copy], 1.0).fingerprint())
    assert len(set(seen)) == 4


@pytest.mark.parametrize("rate", [16000, 44100])
def test_windows_lie_where_they_were_drawn(rate, tmp_path):
    """The second of three parts of a ramp: its values tell the place; both ends of the file are reached."""
    seconds = 4.0
    soundfile.write(tmp_path / "ramp.wav", np.linspace(0, 0.9, int(seconds * rate)), rate, subtype="FLOAT")
    for part, position in ((0, 0.0), (1, 0.5), (2, 0.999999)):
        window = corpus.read_window(corpus.FilePart(tmp_path / "ramp.wav", seconds, part, 3), position, "end")
        start = (seconds - 0.95) * (part + position) / 3
        times = window[1000:-1000] / 0.9 * seconds
        np.testing.assert_allclose(times, start + np.arange(1000, UNIT - 1000) / 16000, atol=2e-3)


def test_short_files_are_padded(tmp_path):
    """0.5 s in the middle (version 1) or at the start (version 2) of the window."""
    soundfile.write(tmp_path / "a.wav", np.full((8000, 2), [0.1, 0.5]), 16000, subtype="FLOAT")
    both, end = (
        corpus.read_window(corpus.FilePart(tmp_path / "a.wav", 0.5, 0, 1), 0.3, pad) for pad in ("both", "end")
    )
    np.testing.assert_allclose(both[3600:11600], 0.3, atol=1e-6)
    np.testing.assert_allclose(end[:8000], 0.3, atol=1e-6)
    assert not both[:3600].any() and not both[11600:].any() and not end[8000:].any()


def test_a_file_that_breaks_later_gives_its_place_away(tmp_path):
    """A file that opens but does not decode: the next one's window comes, and the name is told."""
    soundfile.write(tmp_path / "a.wav", np.full(16000, 0.25), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", np.full(16000, np.nan), 16000, subtype="FLOAT")
    windows = corpus.Windows(corpus.find([tmp_path], 10.0).items, recipe(1))
    audio, failed = windows[(0, 1)]
    assert failed == [str(tmp_path / "b.wav")] and audio[100] == pytest.approx(0.25)
    assert windows[(0, 0)][1] == []
    soundfile.write(tmp_path / "b.wav", np.full(16000, 1e20), 16000, subtype="DOUBLE")  # its power overflows
    assert windows[(0, 1)][1] == failed


@pytest.mark.parametrize("workers", [0, 1])
def test_audio_that_is_gone_ends_in_a_sentence(sounds, tmp_path, workers):
    """Whoever decodes, the error is one line without a traceback."""
    shutil.copytree(sounds, tmp_path / "copy")
    machine = Machine(torch.device("cpu"), workers=workers)
    audio = corpus.find([tmp_path / "copy"], 1.0)
    run = training.Pretraining(audio, recipe(1, width=8, batch=8, memory=16), machine, tmp_path, lambda row: None)
    shutil.rmtree(tmp_path / "copy")
    with pytest.raises(RuntimeError, match="^no file can be read any more, .* is their disk still there"):
        run.train()


def test_every_epoch_hears_everything_once_in_another_order():
    """Batches of an epoch share nothing; the processes' parts make up the batch; a later start gives the rest."""
    how = recipe(1, batch=4, epochs=2)
    order = list(corpus.ResumableBatchSampler(14, how))
    assert len(order) == 6  # 3 full batches an epoch
    epochs = [[key[1] for batch in order[at : at + 3] for key in batch] for at in (0, 3)]
    assert all(len(set(numbers)) == 12 for numbers in epochs) and epochs[0] != epochs[1]
    assert [key[0] for key in order[2] + order[3]] == [0] * 4 + [1] * 4
    assert list(corpus.ResumableBatchSampler(14, how, first_step=4)) == order[4:]
    shared = [list(corpus.ResumableBatchSampler(14, how, rank=rank, n_ranks=2)) for rank in (0, 1)]
    assert all(set(a + b) == set(batch) for a, b, batch in zip(*shared, order, strict=True))
    with pytest.raises(ValueError, match="batch=4: there are only 3 windows an epoch"):
        corpus.ResumableBatchSampler(3, how)
    with pytest.raises(ValueError, match="3 processes cannot share it"):
        corpus.ResumableBatchSampler(14, how, n_ranks=3)


def words(sounds, out, *more, epochs=3):
    """`hear-ssl` and these words pre-train on the sounds, as small as it gets."""
    few = ["pretrain", "byol-a", sounds, "--out", out, "--width", 8, "--batch", 8, "--memory", 16, "--epochs", epochs]
    return [str(word) for word in (*few, "--piece-seconds", 1, "--save-every", 2, "--device", "cpu", *more)]


def curve(out):
    """Losses and signs of collapse, epoch by epoch."""
    rows = [json.loads(line) for line in (out / state.CURVE).read_text().splitlines()]
    return [(row["epoch"], row["loss"], row["embedding_std"], row["effective_rank"]) for row in rows]


@pytest.fixture(scope="module")
def finished(sounds, tmp_path_factory):
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("finished")
    assert cli.main(words(sounds, out)) == 0
    return out


def test_killed_and_resumed_is_the_same_run(sounds, finished, tmp_path, capsys):
    """kill -9 in the middle, the same command again: the same curve, the same weights, bit for bit."""
    command = [sys.executable, "-m", "hear_ssl.pretraining.cli", *words(sounds, tmp_path)]
    threads = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}  # their number shows in the last bits
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=threads)
    began = time.monotonic()
    while not (tmp_path / state.STATE).is_file() and run.poll() is None and time.monotonic() - began < 60:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    reached = torch.load(tmp_path / state.STATE, weights_only=True)["step"]
    total = torch.load(finished / state.STATE, weights_only=True)["step"]
    assert 0 < reached < total and not (tmp_path / "checkpoint.pth").exists()
    assert cli.main(words(sounds, tmp_path)) == 0
    shown = capsys.readouterr()
    assert shown.out.count("effective rank") >= 1 and "1 broken files" in shown.err
    assert curve(tmp_path) == curve(finished) and len(curve(finished)) == 3
    ours, theirs = (torch.load(out / "checkpoint.pth", weights_only=True) for out in (tmp_path, finished))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_other_settings_do_not_go_on_with_an_old_state(sounds, finished, capsys):
    """What differs is named, and it is wrong usage."""
    assert cli.main(words(sounds, finished, "--mixup", 0.1)) == 2
    assert "it was begun with mixup=0.4, and mixup=0.1 is asked for now" in capsys.readouterr().err


def test_other_audio_does_not_go_on_with_an_old_state(sounds, finished, tmp_path, capsys, caplog):
    """As many windows of other files: what changed is told. Whatever was moved as a whole goes on."""
    shutil.copytree(sounds, tmp_path / "moved")
    before = (finished / "checkpoint.pth").read_bytes()
    assert cli.main(words(tmp_path / "moved", finished)) == 0
    assert "all 3 epochs are done" in caplog.text
    (tmp_path / "moved" / "00.wav").rename(tmp_path / "moved" / "new.wav")
    soundfile.write(tmp_path / "moved" / "03.wav", np.zeros(16000), 16000)
    assert cli.main(words(tmp_path / "moved", finished, epochs=4)) == 2
    error = capsys.readouterr().err
    assert "1 added (new.wav); 1 removed (00.wav); 1 of another size or length (03.wav)" in error
    assert "another --out" in error and (finished / "checkpoint.pth").read_bytes() == before


def test_fewer_epochs_than_were_done_are_refused(sounds, finished, capsys):
    """No model of three epochs goes out as one of two."""
    before = (finished / "checkpoint.pth").stat().st_mtime_ns
    assert cli.main(words(sounds, finished, epochs=2)) == 2
    assert "is in epoch 3 already; ask for at least 3, or give another --out" in capsys.readouterr().err
    assert (finished / "checkpoint.pth").stat().st_mtime_ns == before


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "much"])
@pytest.mark.parametrize("option", ["--learning-rate", "--mixup", "--piece-seconds"])
def test_options_are_finite_numbers(sounds, tmp_path, option, value, capsys):
    """Whatever is no number is refused with the option's name, before anything is made."""
    with pytest.raises(SystemExit) as ended:
        cli.main(words(sounds, tmp_path / "out", f"{option}={value}"))
    assert ended.value.code == 2 and f"argument {option}: '{value}': a finite number" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_loss_that_is_no_number_ends_the_run_at_once(sounds, tmp_path, capsys):
    """Epoch, step and way out; the state from before stays, and the same command goes on from it to the same end."""
    wild = words(sounds, tmp_path, "--learning-rate", 1e30, "--save-every", 1)
    for _ in range(2):
        assert cli.main(wild) == 1
        error = capsys.readouterr().err
        assert "epoch 1, step 2: the loss is nan" in error and "--learning-rate lower than 1e+30" in error
        assert "state.pt keeps step 1; begin anew in another --out" in error
        assert torch.load(tmp_path / state.STATE, weights_only=True)["step"] == 1
    assert not (tmp_path / "checkpoint.pth").exists()


def test_weights_that_are_no_numbers_are_neither_kept_nor_taken(sounds, finished, tmp_path):
    """The good state stays on the disk; a bad one, of an older version perhaps, is refused."""
    shutil.copy(finished / state.STATE, tmp_path)
    audio, machine = corpus.find([sounds], 1.0), Machine(torch.device("cpu"), save_every=2)
    how = recipe(1, width=8, batch=8, memory=16, epochs=3, piece_seconds=1.0)
    run = training.Pretraining(audio, how, machine, tmp_path, lambda row: None)
    with torch.no_grad():
        run.online.predictor[0].weight[1, 2] = torch.nan
    with pytest.raises(RuntimeError, match=r"epoch 3, step \d+: some weights are not finite, .*keeps step"):
        run.save()
    assert (tmp_path / state.STATE).read_bytes() == (finished / state.STATE).read_bytes()
    bad = torch.load(tmp_path / state.STATE, weights_only=True)
    bad["online"]["predictor.0.weight"][1, 2] = torch.nan
    torch.save(bad, tmp_path / state.STATE)
    with pytest.raises(ValueError, match=r"state.pt: its weights are not finite.*another --out"):
        training.Pretraining(audio, how, machine, tmp_path, lambda row: None)


def test_a_folder_that_cannot_be_written_is_found_first(tmp_path, capsys):
    """Before the audio is even looked for."""
    (tmp_path / "file").touch()
    assert cli.main(words(tmp_path / "nowhere", tmp_path / "file" / "out")) == 2
    assert f"--out {tmp_path}/file/out: cannot be written or locked (Not a directory)" in capsys.readouterr().err


def test_one_run_at_a_time_holds_the_folder(sounds, tmp_path, capsys):
    """The lock is the system's: another process's is respected, a file left by one that died means nothing."""
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / state.LOCK).touch()
    with (tmp_path / state.LOCK).open("w") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        assert cli.main(words(sounds, tmp_path)) == 2
    assert f"--out {tmp_path}: another run is at work there" in capsys.readouterr().err
    assert {path.name for path in tmp_path.iterdir()} <= {state.LOCK}
    with state.locked(tmp_path):
        pass


def test_what_killed_runs_left_is_cleared_away(tmp_path):
    """Our own half-written files go; whatever else lies there stays."""
    ours = [".state.pt.123.part", ".byol_a.safetensors.9.part", ".progress.jsonl.77.part"]
    others = [".state.pt.part", "state.pt.1.part", ".notes.12.part", "state.pt"]
    for name in ours + others:
        (tmp_path / name).touch()
    with state.locked(tmp_path):
        assert {path.name for path in tmp_path.iterdir()} - {state.LOCK} == set(others)


def test_a_full_disk_leaves_the_last_state(tmp_path):
    """The file that could not be written, the system's reason and what is kept are told; no half file stays."""
    resource = pytest.importorskip("resource")
    rows = [{"epoch": 1, "loss": 0.5}]
    state.save(tmp_path, {"step": 1, "curve": rows})
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # no file may be larger
    try:
        with pytest.raises(
            OSError, match=r"state.pt: cannot be written \(File too large.*the file of before is kept whole"
        ):
            state.save(tmp_path, {"step": 2, "curve": rows, "large": torch.zeros(100_000)})
        with pytest.raises(OSError, match=r"files.jsonl: cannot be written \(File too large.*nothing of it is left"):
            state.write_lines(tmp_path / state.LISTING, ["a" * 200_000])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    assert torch.load(tmp_path / state.STATE, weights_only=True)["step"] == 1
    assert {path.name for path in tmp_path.iterdir()} == {state.STATE, state.CURVE}


def test_the_result_is_a_hear_module_at_once(finished):
    """The original layout and safetensors give the same model, with the statistics of the audio it heard."""
    models = [byol_a.load_model(str(finished / name)) for name in ("checkpoint.pth", "byol_a.safetensors")]
    audio = 0.1 * torch.randn(2, 20000, generator=seeded())
    scenes = [byol_a.get_scene_embeddings(audio, model) for model in models]
    assert torch.equal(*scenes) and scenes[0].shape == (2, 8)
    assert -20 < models[0].encoder.mean < 5 and 1 < models[0].encoder.std < 10


def test_a_state_that_cannot_be_read_is_refused(finished, tmp_path):
    """Torn files are named, with what to do."""
    (tmp_path / state.STATE).write_bytes((finished / state.STATE).read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"state.pt: not a readable state .*delete it to begin anew"):
        state.load(tmp_path, {}, corpus.Corpus())


def test_version_2_and_mixed_precision_run(sounds, tmp_path):
    """Fixed statistics, fader, 3072 wide, bfloat16: one step, and the curve is finite."""
    how = recipe(2, batch=4, epochs=1, memory=8, n_statistics=10, piece_seconds=10.0)
    machine = Machine(torch.device("cpu"), amp=True, save_every=1000)
    rows = []
    training.Pretraining(corpus.find([sounds], 10.0), how, machine, tmp_path, rows.append).train()
    assert len(rows) == 1 and np.isfinite(rows[0]["loss"]) and rows[0]["effective_rank"] > 1
    assert byol_a.load_model(str(tmp_path)).scene_embedding_size == 3072


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Noise that hisses and noise that rumbles, 10 files each, and a file that is no audio."""
    folder = tmp_path_factory.mktemp("labelled")
    for number in range(20):
        rng, name = np.random.default_rng(number), ("hiss", "rumble")[number % 2]
        audio = rng.normal(size=9000)
        audio = np.diff(audio) if name == "hiss" else np.convolve(audio, np.ones(50), "valid")
        (folder / name).mkdir(exist_ok=True)
        soundfile.write(
            folder / name / f"{number:02d}.wav", 0.2 * audio / np.abs(audio).max(), (8000, 16000)[number % 3 % 2]
        )
    (folder / "hiss" / "torn.wav").write_bytes(b"RIFF")
    return folder


def test_probe_holds_a_fifth_of_each_class_out(labelled):
    """The same files for the same seed; none that cannot be read; chance is the most frequent class among them."""
    one, again, other = (probe.find(labelled, 1, seed) for seed in (3, 3, 4))
    assert one.classes == ("hiss", "rumble") and len(one.paths) == 20
    assert [int(one.held_out[one.labels == label].sum()) for label in (0, 1)] == [2, 2] and one.chance == 0.5
    assert np.array_equal(one.held_out, again.held_out) and not np.array_equal(one.held_out, other.held_out)
    assert [path.parent.name for path in one.paths] == [one.classes[label] for label in one.labels]
    assert [epoch for epoch in range(1, 8) if probe.ProgressProbe(**{**vars(one), "every": 3}).is_due(epoch, 7)] == [
        3,
        6,
        7,
    ]


def test_probe_is_the_logistic_regression_of_what_the_module_gives(labelled, finished):
    """Scene embeddings of the written encoder, as its HEAR module gives them clip by clip, by scikit-learn's own steps."""
    model = byol_a.load_model(str(finished))
    progress = probe.find(labelled, 1, 0)
    clips = [probe.read(path)[None] for path in progress.paths]
    x = np.concatenate([byol_a.get_scene_embeddings(clip, model).numpy() for clip in clips])
    labels = np.random.default_rng(0).permutation(progress.labels)  # hard to tell, so that single files count
    train, test = x[~progress.held_out], x[progress.held_out]
    mean, std = train.mean(axis=0), train.std(axis=0)
    scale = np.where(std > 0, std, 1)
    classifier = LogisticRegression(max_iter=1000).fit((train - mean) / scale, labels[~progress.held_out])
    wanted = np.mean(classifier.predict((test - mean) / scale) == labels[progress.held_out])
    shuffled = probe.ProgressProbe(**{**vars(progress), "labels": labels})
    statistics = (model.encoder.mean, model.encoder.std)
    network = model.encoder.network.train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    assert shuffled.accuracy(network, statistics, RECIPES[1].mel) == wanted
    assert progress.accuracy(network, statistics, RECIPES[1].mel) == 1
    assert network.training and all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_probe_stands_beside_the_loss_and_changes_nothing(sounds, labelled, finished, tmp_path, capsys):
    """Scored every second epoch and after the last; the curve is that of a run without a probe."""
    assert cli.main(words(sounds, tmp_path, "--probe", labelled, "--probe-every", 2)) == 0
    shown = capsys.readouterr()
    assert "probe: 2 classes, 16 files to learn from, 4 held out, chance 50.0 %" in shown.err
    assert ["probe" in line for line in shown.out.splitlines()] == [False, True, True]
    assert curve(tmp_path) == curve(finished)


def test_probe_files_are_read_before_the_first_step(labelled, tmp_path, caplog):
    """NaN and a body that does not decode are named and left out; a class of nothing else is refused."""
    shutil.copytree(labelled, tmp_path / "copy")
    hiss = tmp_path / "copy" / "hiss"
    soundfile.write(hiss / "nan.wav", np.full(800, np.nan), 16000, subtype="FLOAT")
    soundfile.write(hiss / "whole.flac", np.random.default_rng(0).normal(size=16000) / 9, 16000)
    torn = (hiss / "whole.flac").read_bytes()
    (hiss / "whole.flac").write_bytes(torn[:5000] + bytes(len(torn) - 5000))
    assert len(probe.find(tmp_path / "copy", 1, 0).paths) == 20
    assert "nan.wav cannot be read (NaN or infinite" in caplog.text and "whole.flac cannot be read (" in caplog.text
    for path in hiss.glob("*[02468].wav"):
        path.unlink()
    with pytest.raises(ValueError, match="hiss: 0 files that can be read; a class needs two"):
        probe.find(tmp_path / "copy", 1, 0)


def test_probe_files_that_go_away_do_not_stop_the_training(sounds, labelled, tmp_path, caplog):
    """The epoch has no accuracy, the log says which file, and the encoder is written."""
    shutil.copytree(labelled, tmp_path / "copy")
    progress, rows = probe.find(tmp_path / "copy", 1, 0), []
    (tmp_path / "copy" / "rumble" / "05.wav").unlink()
    how, machine = recipe(1, width=8, batch=8, memory=16, epochs=1), Machine(torch.device("cpu"))
    training.Pretraining(corpus.find([sounds], 10.0), how, machine, tmp_path, rows.append, progress).train()
    assert "probe_accuracy" not in rows[0] and (tmp_path / "byol_a.safetensors").is_file()
    assert "05.wav cannot be read" in caplog.text and "epoch 1 has no probe accuracy" in caplog.text


def test_probes_that_cannot_be_are_refused(labelled, sounds, tmp_path):
    """A folder that is not there, without classes, or with one file in a class."""
    with pytest.raises(FileNotFoundError, match="--probe .*nowhere: no such folder"):
        probe.find(tmp_path / "nowhere", 1, 0)
    with pytest.raises(ValueError, match="one sub-folder per class is wanted, at least two; 1 found"):
        probe.find(sounds, 1, 0)
    for name in "ab":
        (tmp_path / name).mkdir()
        soundfile.write(tmp_path / name / "only.wav", np.zeros(800), 16000)
    with pytest.raises(ValueError, match="a: 1 file that can be read; a class needs two"):
        probe.find(tmp_path, 1, 0)
    with pytest.raises(ValueError, match="--probe-every 0: a number of epochs from 1"):
        probe.find(labelled, 0, 0)


@pytest.mark.slow
def test_two_processes_share_a_batch(sounds, tmp_path):
    """torchrun with two processes on a CPU: one curve, weights that load."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    launcher += ["-m", "hear_ssl.pretraining.cli", *words(sounds, tmp_path, epochs=1)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(launcher, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("loss") == 1 and len(torch.load(tmp_path / state.STATE)["memories"]) == 2
    assert byol_a.load_model(str(tmp_path)).scene_embedding_size == 8
