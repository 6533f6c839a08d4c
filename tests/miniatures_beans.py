"""Miniatures of BEANS' own datasets: classification and detection."""

import json
from itertools import count, product
from pathlib import Path

from miniature import Expected, Miniature, sound, text

SLOW = 100  # Hz: minutes of recordings in a few kilobytes


def bats(root: Path) -> None:
    """No top folder; a column with a space in its name; 250 kHz; a sound that is not listed."""
    sound(root / "audio/unlisted.wav", 0.1, 250000)
    rows = ["Emitter,File Name"]
    for seed, (emitter, take) in enumerate(product(("111", "231"), range(6))):
        rows.append(f"{emitter},{emitter}_{take}.wav")
        sound(root / f"audio/{emitter}_{take}.wav", 0.1, 250000, seed)
    text(root / "annotations.csv", *rows)


def cbi(root: Path) -> None:
    """MP3 in folders of codes; recordists with a comma; columns that do not matter; sounds for the competition's test."""
    sound(root / "example_test_audio/BLKFR-10-CPL.mp3", 0.3, 44100)
    text(root / "test.csv", "site,row_id,seconds,audio_id", "site_1,site_1_a_5,5,a")
    rows = ["rating,ebird_code,filename,recordist,title"]
    for seed, (code, take) in enumerate(product(("aldfly", "amecro"), range(20))):
        rows.append(f'3.5,{code},XC{seed}.mp3,"Doe, {"JIHGFEDCBA"[take % 10]}","x, y"')
        sound(root / f"train_audio/{code}/XC{seed}.mp3", 0.3, 44100, seed)
    text(root / "train.csv", *rows)


def dogs(root: Path) -> None:
    """AIFF and WAV; two dots in a name; stereo; lines that end in CRLF, the last one in nothing."""
    rows = ["filename,name,context,age,weight,sex,breed"]
    for seed, (dog, take) in enumerate(product(("Mac", "Zoe"), range(6))):
        file = f"{dog}-2-A-{take}..aif" if take % 2 else f"{dog}-2-A-{take}.wav"
        rows.append(f'{file},{dog},play,3,"1,5",f,x')
        sound(root / "audio" / file, 0.2, 44100, seed, channels=1 + (take == 0))
    text(root / "annotations.csv", "\r\n".join(rows), end="")


def humbugdb(root: Path) -> None:
    """No species: no mosquito, whatever the type; a rare one; two rates; quoted commas; recordings of several clips."""
    rows = ["id,length,name,sample_rate,record_datetime,sound_type,species,place"]
    seeds = count(1)
    for species, kind, n in (
        ("an dirus", "mosquito", 6),
        ("", "background", 5),
        ("", "mosquito", 1),
        ("an rarus", "mosquito", 5),
    ):
        for _ in range(n):
            number = next(seeds)
            rows.append(f'{number},0.2,#{number // 3}.wav,8000,2020-01-01,{kind},{species},"Bangkok, Thailand"')
            sound(root / f"data/audio/{number}.wav", 0.2, 8000 if number % 2 else 44100, number)
    text(root / "data/metadata/neurips_2021_zenodo_0_0_1.csv", *rows)


def dcase(root: Path) -> None:
    """A table beside each recording, with columns of its own; UNK; a class that does not count; other names; a list."""
    top = root / "Development_Set"
    sound(top / "Training_Set/BV/BUK1.wav", 300, SLOW, 1)
    rows = ["Audiofilename,Starttime,Endtime,AMRE,SWTH,AGGM"]
    for chunk in range(5):
        rows += [
            f"BUK1.wav,{60 * chunk + 10},{60 * chunk + 11},POS,NEG,NEG",
            f"BUK1.wav,{60 * chunk + 20},{60 * chunk + 21},UNK,POS,POS",
        ]
    text(top / "Training_Set/BV/BUK1.csv", *rows)
    sound(top / "Validation_Set/HV/r2.wav", 3, SLOW, 2)
    text(top / "Validation_Set/HV/r2.csv", "Audiofilename,Starttime,Endtime,Q", "file_2.wav,0.5,1.5,POS")
    text(top / "Training_Set/classes.csv", "code,name", "AMRE,American Redstart")


def enabirds(root: Path) -> None:
    """Raven's tables with tabs; a species that is not listed; a recording without events."""
    head = "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)\tSpecies"
    calls = [
        (60 * chunk + after, ("EATO", "XXXX")[(chunk + later) % 2])
        for chunk in range(5)
        for later, after in enumerate((10, 30))
    ]
    rows = [
        f"{number}\tSpectrogram 1\t1\t{start}.0\t{start}.9\t2878.2\t4049.0\t{species}"
        for number, (start, species) in enumerate(calls, start=1)
    ]
    sound(root / "Recording_1/Recording_1_Segment_01.wav", 300, SLOW, 1)
    text(root / "Recording_1/Recording_1_Segment_01.Table.1.selections.txt", head, *rows)
    sound(root / "Recording_4/Recording_4_Segment_02.wav", 2.5, SLOW, 2)
    text(root / "Recording_4/Recording_4_Segment_02.Table.1.selections.txt", head)


def hiceas(root: Path) -> None:
    """Lists shipped with BEANS' paths, one a part of another; files without a call; numbers as labels."""
    seeds = count()
    for part, n in (("train", 4), ("valid", 2), ("test", 2)):
        lines = []
        for number in range(n):
            name = f"wav/{part}{number}.wav"
            sound(root / name, 21, SLOW, next(seeds))
            calls = [{"st": 2.0, "ed": 6.0, "label": 1}] if number % 2 == 0 else []
            lines.append(json.dumps({"path": f"data/hiceas/{name}", "length": 21.0, "annotations": calls}))
        text(root / f"{part}.jsonl", *lines)
        if part == "train":
            text(root / "train-low.jsonl", lines[0])


def gibbons(root: Path) -> None:
    """Eleven recordings by name, one without calls; unknown types and none; tables of noise; minutes passed over."""
    odd = {3: ["1,3,2,4,", "5,7,2,3,3 Calls"], 4: ["1,3,2,,"], 5: []}
    for number in range(11):
        name = f"HGSM3D_0+1_201604{number:02}_051600"
        sound(root / f"Train/{name}.wav", 70 if number == 0 else 8, SLOW, number)
        rows = odd.get(number, ["1,3,2,1,", "5,7,2,2,3 Calls"])
        text(root / f"Train_Labels/g_{name}.data", "Start,End,Duration,Type,Notes", *rows)
        text(root / f"Train_Labels/n_{name}.data", "Start,End,Duration,Type", "0,70,70,3")


def rfcx(root: Path) -> None:
    """Boxes in some of the recordings; FLAC; boxes that are none, and recordings of the competition's test."""
    rows = ["recording_id,species_id,songtype_id,t_min,f_min,t_max,f_max"]
    text(root / "train_fp.csv", *rows, "00a,7,1,6.0,2500,9.0,5000")
    sound(root / "test/11a.flac", 20, SLOW, 11)
    for number in range(10):
        sound(root / f"train/{number:02}a.flac", 20, SLOW, number)
        if number != 4:
            rows += [f"{number:02}a,14,1,1.0,2500,2.5,5000", f"{number:02}a,23,1,16.0,2500,19.5,5000"]
    text(root / "train_tp.csv", *rows)


MOSQUITOES = (
    "non-mosquito",
    "an arabiensis",
    "others",
    "an gambiae ss",
    "culex quinquefasciatus",
    "culex pipiens complex",
    "an funestus ss",
    "an squamosus",
    "ma uniformis",
    "an dirus",
    "ae aegypti",
    "an harrisoni",
    "an maculatus",
    "an funestus sl",
)
DCASE = "AMRE BBWA BTBW CALL CCMK CHSP COYE GCTH GIG GRN OVEN Q RBGR SAVS SNMK SQT SWTH WTSP"
ENABIRDS = (
    "AMCR AMGO AMRE AMRO BAWW BCCH BGGN BHCO BHVI BLJA BTNW BWWA CARW COYE EATO HETH HOWA KEWA LOWA NOCA NOFL OVEN"
)
ENABIRDS += " RBGR RBWO RCKI REVI SCTA SWTH TUTI WBNU WITU WOTH YBCU OTHR"
BUK1, SEGMENT = "Development_Set/Training_Set/BV/BUK1.wav", "Recording_1/Recording_1_Segment_01.wav"

MINIATURES: dict[str, Miniature] = {
    "bats": Miniature(bats, Expected(12, ("111", "231"), {"audio/231_5.wav": ("231",)})),
    "cbi": Miniature(cbi, Expected(40, ("aldfly", "amecro"), {"train_audio/amecro/XC20.mp3": ("amecro",)}, groups=10)),
    "dogs": Miniature(dogs, Expected(12, ("Mac", "Zoe"), {"audio/Mac-2-A-1..aif": ("Mac",)})),
    "humbugdb": Miniature(
        humbugdb,
        Expected(
            17,
            MOSQUITOES,
            {
                "data/audio/1.wav": ("an dirus",),
                "data/audio/12.wav": ("non-mosquito",),
                "data/audio/13.wav": ("others",),
            },
            groups=6,
            group_of={"data/audio/3.wav": "#1.wav", "data/audio/5.wav": "#1.wav"},
        ),
    ),
    # Five minutes of 59 windows, and two windows of the short recording, whose one chunk is the first and trains.
    "dcase": Miniature(
        dcase,
        Expected(
            5 * 59 + 2,
            tuple(DCASE.split()),
            {
                f"{BUK1}#9-11": ("AMRE",),
                f"{BUK1}#10-12": ("AMRE",),
                f"{BUK1}#8-10": (),  # touches the call
                f"{BUK1}#260-262": ("SWTH",),
                "Development_Set/Validation_Set/HV/r2.wav#0-2": ("Q",),
                "Development_Set/Validation_Set/HV/r2.wav#1-3": ("Q",),
            },
            splits={"train": 3 * 59 + 2, "valid": 59, "test": 59},
            groups=2,
        ),
    ),
    # The short one lasts 2.5 s: one window.
    "enabirds": Miniature(
        enabirds,
        Expected(
            5 * 59 + 1,
            tuple(ENABIRDS.split()),
            {
                f"{SEGMENT}#9-11": ("EATO",),
                f"{SEGMENT}#29-31": ("OTHR",),
                f"{SEGMENT}#69-71": ("OTHR",),
                "Recording_4/Recording_4_Segment_02.wav#0-2": (),
            },
            splits={"train": 3 * 59 + 1, "valid": 59, "test": 59},
            groups=2,
        ),
    ),
    # 21 s: windows from 0, 5 and 10 s
    "hiceas": Miniature(
        hiceas,
        Expected(
            24,
            ("1",),
            {
                "wav/train0.wav#0-10": ("1",),
                "wav/train0.wav#5-15": ("1",),
                "wav/train0.wav#10-20": (),
                "wav/test1.wav#0-10": (),
            },
            splits={"train": 12, "valid": 6, "test": 6},
            groups=8,
        ),
    ),
    # 29 windows in the first minute of the first recording (its second minute is passed over), three in 8 s
    "gibbons": Miniature(
        gibbons,
        Expected(
            59,
            ("1", "2", "3"),
            {
                "Train/HGSM3D_0+1_20160403_051600.wav#0-4": ("1",),
                "Train/HGSM3D_0+1_20160403_051600.wav#4-8": ("3",),
                "Train/HGSM3D_0+1_20160404_051600.wav#0-4": ("1",),
                "Train/HGSM3D_0+1_20160405_051600.wav#0-4": (),
                "Train/HGSM3D_0+1_20160400_051600.wav#56-60": (),
            },
            splits={"train": 44, "valid": 9, "test": 6},
            groups=11,
        ),
    ),
    # 20 s: windows from 0, 5 and 10 s
    "rfcx": Miniature(
        rfcx,
        Expected(
            30,
            tuple(map(str, range(24))),
            {"train/00a.flac#0-10": ("14",), "train/00a.flac#10-20": ("23",), "train/04a.flac#10-20": ()},
            groups=10,
        ),
    ),
}
