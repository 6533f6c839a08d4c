"""Miniatures of the animals' datasets of Sarkar & Magimai-Doss, and of those that Ogg adds."""

import json
import unicodedata
from itertools import count, cycle, product
from pathlib import Path

import soundfile

from miniature import Expected, Miniature, sound, text


def watkins(root: Path) -> None:
    """No top folder; species with commas; odd rates; a recording in two species' folders; ids with letters."""
    rows = ["path,species"]
    species = ("Clymene_Dolphin", "Beluga,_White_Whale", "Sperm_Whale")
    rates = (600, 5120, 16000, 41600, 166600)
    for number, (name, take) in enumerate(product(species, range(10))):
        path = f"{name}/{83006000 + number}{'ABC'[number % 3]}.wav"
        rows.append(f'"{path}","{name}"' if "," in name else f"{path},{name}")
        sound(root / path, 0.5, rates[take % 5], number)
    for path, name, seed in (
        ("Clymene_Dolphin/61025001.wav", "Clymene_Dolphin", 77),
        ("Sperm_Whale/61025001.wav", "Sperm_Whale", 77),
    ):
        rows.append(f"{path},{name}")
        sound(root / path, 0.3, 16000, seed)
    for number in (1, 2):
        rows.append(f"Weddell_Seal/9{number}.wav,Weddell_Seal")
        sound(root / f"Weddell_Seal/9{number}.wav", 0.3, 8000, 90 + number)
    text(root / "annotations.csv", *rows)


def infant_marmosets_vox(root: Path) -> None:
    """Segments of long files, some overlapping, some twice; silence, noise and odd codes; one of zeros; a file that is not there."""
    rows = ["filename,start,end,duration,calltype,caller"]
    seeds = count()
    for twin, animal, day in product((1, 4), (1, 2), range(5)):
        name = f"2016090{day + 1}_Twin{twin}_marmoset{animal}"
        sound(root / f"data/twin_{twin}/{name}.wav", 1.0, 44100, next(seeds))
        rows += [
            f"{name},0.1,0.227,0.127,0,9",
            f"{name},0.2,0.25,0.05,10,9",
            f"{name},0.4,0.5,0.1,2,9",
            f"{name},0.5,0.9,0.4,11,9",
        ]
        rows += [f"{name},0.6,0.7,0.1,12,9"]
    rows += ["20160901_Twin1_marmoset1,0.1,0.2,0.1,14,9", "20160901_Twin1_marmoset1,0.1,0.227,0.127,0,9"]
    rows += ["20990101_Twin5_marmoset2,0.1,0.2,0.1,0,9"]
    silent = "20160902_Twin4_marmoset1"
    _hush(root / f"data/twin_4/{silent}.wav", 0.75, 0.85)
    rows += [f"{silent},0.75,0.85,0.1,1,9"]
    text(root / "labels.csv", *rows)


def _hush(path: Path, start: float, end: float) -> None:
    """Put zeros between two times in seconds."""
    samples, rate = soundfile.read(path)
    samples[round(start * rate) : round(end * rate)] = 0
    soundfile.write(path, samples, rate)


def mescalina(root: Path) -> None:
    """Dogs' names in any case, some with a space, an accent decomposed or slips of the pen, so that two folders are one dog;
    the class that no dog makes; dogs that count not."""
    seeds = count()
    dogs = ["Zanzon_1", SANZON, "ZEBRY", "lola_20170101_b", unicodedata.normalize("NFD", "Muñeca") + "_x"]
    dogs += ["mamafisgon_1", "mama fisgonn_2"]
    dogs += [f"dog{number}_1" for number in range(7)]
    for dog, code, take in product(dogs, ("L-S1", "CH-N"), (1, 2)):
        sound(root / f"data/{dog}/{code}/{take}.wav", 0.1, 48000, next(seeds))
    sound(root / "data/lola_20170101_b/S/1.wav", 0.1, 48000)
    sound(root / "data/perro_1/L-S1/1.wav", 0.1, 48000)
    sound(root / "data/Alba_2/CH-N/1.wav", 0.1, 48000)


def nsynth(root: Path) -> None:
    """Three archives, a JSON object each; a family with an underscore that trains only."""
    families = {"train": ("bass", "synth_lead", "vocal"), "valid": ("bass", "vocal"), "test": ("bass", "vocal")}
    order = ["bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal"]
    seeds = count()
    for part, names in families.items():
        notes = {}
        for family, pitch in product(names, (49, 60)):
            key = f"{family}_synthetic_068-{pitch:03}-025"
            notes[key] = {
                "note": 1, "note_str": key, "instrument": 656, "instrument_str": f"{family}_synthetic_068{part}", "pitch": pitch,
                "velocity": 25, "sample_rate": 16000, "qualities": [0, 1], "qualities_str": ["dark"],
                "instrument_family": order.index(family), "instrument_family_str": family,
                "instrument_source": 2, "instrument_source_str": "synthetic",
            }  # fmt: skip
            sound(root / f"nsynth-{part}/audio/{key}.wav", 0.3, 16000, next(seeds))
        text(root / f"nsynth-{part}/examples.json", json.dumps(notes))


def speech_commands(root: Path) -> None:
    """No top folder; lists without a last line's end; long background noise; READMEs and LICENSE."""
    seeds = count()
    for word, speaker, take in product(("yes", "zero"), ("0a7c2a8d", "b0f24c9b", "ffa76c4a"), (0, 1)):
        sound(root / f"{word}/{speaker}_nohash_{take}.wav", 0.1 + 0.1 * take, 16000, next(seeds))
    sound(root / "_background_noise_/running_tap.wav", 0.5)
    text(root / "_background_noise_/README.md", "about it")
    for name, speaker in (("validation_list.txt", "b0f24c9b"), ("testing_list.txt", "ffa76c4a")):
        lines = [f"{word}/{speaker}_nohash_{take}.wav" for word, take in product(("yes", "zero"), (0, 1))]
        text(root / name, "\n".join(lines), end="")
    text(root / "LICENSE", "CC BY 4.0")
    text(root / "README.md", "# Speech Commands")


def vctk(root: Path) -> None:
    """Both microphones, of which two speakers lack the second; numbers with gaps; texts, one speaker's missing."""
    seeds = count()
    for speaker, number in product(("p225", "p280", "p315", "s5"), (1, 24, 25, 26, 50, 51, 380)):
        for microphone in (1, 2) if speaker not in ("p280", "p315") else (1,):
            path = root / f"VCTK-Corpus-0.92/wav48_silence_trimmed/{speaker}/{speaker}_{number:03}_mic{microphone}.flac"
            sound(path, 0.2, 48000, next(seeds))
        if speaker != "p315":
            text(root / f"VCTK-Corpus-0.92/txt/{speaker}/{speaker}_{number:03}.txt", "Please call Stella.")
    text(root / "VCTK-Corpus-0.92/speaker-info.txt", "ID  AGE")
    text(root / "VCTK-Corpus-0.92/log.txt", "p280: no mic2")


FILMS = [
    "-5KQ66BBWC4",
    "0f39OWEqJ24",
    "1j20qq1JyX4",
    "9F2voT6QWvQ",
    "B1MAUxpKaV8",
    "Z_abc",
    "_7oWZq_s_Sk",
    "a5mEmM6w_ks",
]
FILMS += [f"z{number:02}" for number in range(44)]


def ava_speech(root: Path) -> None:
    """No header; ids that begin with a hyphen; spans too short for a window. The times start at 0.1 s instead of 900 s."""
    rows = []
    for seed, film in enumerate(reversed(FILMS)):
        sound(root / f"audio/{film}.wav", 3.2, 16000, seed)
        rows += [f"{film},0.10,1.15,NO_SPEECH", f"{film},1.15,2.17,SPEECH_WITH_MUSIC", f"{film},2.17,3.00,CLEAN_SPEECH"]
    text(root / "ava_speech_labels_v1.csv", *rows)
    names = (f"{film}.{suffix}" for film, suffix in zip(FILMS, cycle(("mkv", "mp4", "webm")), strict=False))
    text(root / "ava_speech_file_names_v1.txt", *names)


SPECIES = [
    "Clymene_Dolphin",
    "Bottlenose_Dolphin",
    "Spinner_Dolphin",
    "Beluga,_White_Whale",
    "Bearded_Seal",
    "Minke_Whale",
]
SPECIES += ["Humpback_Whale", "Southern_Right_Whale", "White-sided_Dolphin", "Narwhal", "White-beaked_Dolphin"]
SPECIES += ["Northern_Right_Whale", "Frasers_Dolphin", "Weddell_Seal", "Grampus,_Rissos_Dolphin", "Harp_Seal"]
SPECIES += ["Atlantic_Spotted_Dolphin", "Fin,_Finback_Whale", "Ross_Seal", "Rough-Toothed_Dolphin", "Killer_Whale"]
SPECIES += ["Pantropical_Spotted_Dolphin", "Short-Finned_Pacific_Pilot_Whale", "Bowhead_Whale", "False_Killer_Whale"]
SPECIES += ["Melon_Headed_Whale", "Long-Finned_Pilot_Whale", "Striped_Dolphin", "Leopard_Seal", "Walrus", "Sperm_Whale"]
SPECIES += ["Common_Dolphin"]
CALLS = ("Peep(Pre-Phee)", "Phee", "Twitter", "Trill", "Trillphee", "Tsik Tse", "Egg", "Pheecry(cry)", "TrllTwitter")
CALLS += ("Pheetwitter", "Peep")
SANZON = unicodedata.normalize("NFD", "Sanzón") + "_2"
SESSION = "data/twin_4/20160905_Twin4_marmoset2.wav"
BARKS = ("L-S1", "L-S2", "L-S3", "L-A", "L-PA", "L-P", "L-O", "CH-P", "CH-N", "GR-P", "GR-N", "L-TA", "L-H")
FAMILIES = ("bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal")
UTTERANCES = {str(number): 4 for number in (1, 24, 25, 26, 50, 51, 380)}
# Spans of 1.05 s and 1.02 s give 6 and 3 windows; with a hop of 100 ms one each. 32 of 52 films train.
WINDOWS = {"audio/-5KQ66BBWC4.wav#0.15-1.15": ("no_speech",), "audio/z43.wav#1.17-2.17": ("speech",)}

MINIATURES: dict[str, Miniature] = {
    "watkins": Miniature(
        watkins,
        Expected(
            34,
            tuple(SPECIES),
            {
                "Beluga,_White_Whale/83006010B.wav": ("Beluga,_White_Whale",),
                "Clymene_Dolphin/61025001.wav": ("Clymene_Dolphin",),
                "Sperm_Whale/61025001.wav": ("Sperm_Whale",),
            },
            groups=33,
        ),
        {
            "without_weddell_seal": Expected(
                32,
                tuple(name for name in SPECIES if name != "Weddell_Seal"),
                {"Sperm_Whale/61025001.wav": ("Sperm_Whale",)},
                groups=31,
            )
        },
    ),
    "infant_marmosets_vox": Miniature(
        infant_marmosets_vox,
        Expected(
            62,  # three calls in each of twenty files, one that stands there twice, one of zeros
            CALLS,
            {
                "data/twin_4/20160902_Twin4_marmoset1.wav#0.75-0.85": ("Phee",),
                f"{SESSION}#0.1-0.227": ("Peep(Pre-Phee)",),
                f"{SESSION}#0.2-0.25": ("Peep",),
                f"{SESSION}#0.4-0.5": ("Twitter",),
            },
            groups=20,
            repeated=1,
        ),
        {
            "caller": Expected(
                62,
                tuple(f"twin{twin}_marmoset{animal}" for twin in range(1, 6) for animal in (1, 2)),
                {f"{SESSION}#0.2-0.25": ("twin4_marmoset2",)},
                groups=20,
                repeated=1,
            )
        },
    ),
    "mescalina": Miniature(
        mescalina,
        Expected(
            56,  # two barks and two whines in each of fourteen folders, which are twelve dogs'
            BARKS,
            {"data/ZEBRY/CH-N/2.wav": ("CH-N",)},
            groups=12,
            group_of={
                "data/Zanzon_1/L-S1/1.wav": "sanzón",
                f"data/{SANZON}/L-S1/1.wav": "sanzón",
                "data/ZEBRY/CH-N/2.wav": "zebri",
                "data/mamafisgon_1/CH-N/1.wav": "mama fisgon",
                "data/mama fisgonn_2/CH-N/1.wav": "mama fisgon",
                "data/lola_20170101_b/L-S1/2.wav": "lola",
            },
        ),
        {
            "with_s": Expected(
                56, (*BARKS[:7], "S", *BARKS[7:]), {"data/lola_20170101_b/L-S1/2.wav": ("L-S1",)}, groups=12
            )
        },
    ),
    "nsynth": Miniature(
        nsynth,
        Expected(
            14,
            FAMILIES,
            {"nsynth-train/audio/synth_lead_synthetic_068-060-025.wav": ("synth_lead",)},
            splits={"train": 6, "valid": 4, "test": 4},
            groups=7,
        ),
        {
            "pitch": Expected(
                14,
                tuple(str(number) for number in range(128)),
                {
                    "nsynth-train/audio/synth_lead_synthetic_068-060-025.wav": ("60",),
                    "nsynth-test/audio/bass_synthetic_068-049-025.wav": ("49",),
                },
                splits={"train": 6, "valid": 4, "test": 4},
                groups=7,
            )
        },
    ),
    "speech_commands": Miniature(
        speech_commands,
        Expected(
            12,
            ("yes", "zero"),
            {"zero/ffa76c4a_nohash_1.wav": ("zero",)},
            splits={"train": 4, "valid": 4, "test": 4},
            groups=3,
        ),
    ),
    "vctk": Miniature(
        vctk,
        Expected(
            28,
            ("p225", "p280", "p315", "s5"),
            {"wav48_silence_trimmed/p315/p315_024_mic1.flac": ("p315",)},
            folds=UTTERANCES,
            groups=4,
        ),
        {
            "mic2": Expected(
                14,
                ("p225", "s5"),
                {"wav48_silence_trimmed/s5/s5_380_mic2.flac": ("s5",)},
                folds={name: 2 for name in UTTERANCES},
                groups=2,
            )
        },
    ),
    "ava_speech": Miniature(
        ava_speech,
        Expected(468, ("no_speech", "speech"), WINDOWS, splits={"train": 288, "valid": 90, "test": 90}, groups=52),
        {
            "limited": Expected(
                450, ("no_speech", "speech"), WINDOWS, splits={"train": 270, "valid": 90, "test": 90}, groups=50
            ),
            "hop_100ms": Expected(
                104,
                ("no_speech", "speech"),
                {"audio/z43.wav#1.15-2.15": ("speech",)},
                splits={"train": 64, "valid": 20, "test": 20},
            ),
        },
    ),
}
